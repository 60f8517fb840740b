"""What integrating systems send about a re-trafficking alert."""

from libs.events.catalogue.aftercare import AlertFinding
from libs.runtime.requests import FactBody
from services.aftercare.bodies import Text


class FindingBody(FactBody):
    """What came of looking into an alert."""

    finding: AlertFinding
    reason: Text
