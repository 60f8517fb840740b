"""What integrating systems send about a need that nobody can meet."""

from libs.events.catalogue.vocabulary import Province, ServiceKind, Term
from libs.runtime.requests import FactBody
from services.referral.bodies import Text


class NeedBody(FactBody):
    """A person needs something here, and no provider was found."""

    service: ServiceKind = "shelter"
    term: Term = "long"
    province: Province
    reason: Text
