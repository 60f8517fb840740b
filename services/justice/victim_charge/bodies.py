"""What integrating systems send about a charge against a victim."""

from datetime import date

from libs.events.catalogue.justice import AlertResolution, ArticleNumber, StatuteId
from libs.events.catalogue.vocabulary import Province, Slug
from libs.runtime.requests import FactBody
from services.justice.bodies import Name, Text


class VictimChargeBody(FactBody):
    """A victim is accused of something done while trafficked."""

    statute: StatuteId
    article: ArticleNumber
    conduct: Text | None = None
    court: Name | None = None
    province: Province | None = None
    committed_on: date | None = None


class AssignmentBody(FactBody):
    """An organisation takes care of the alert."""

    assignee: Slug
    note: Text | None = None


class ResolutionBody(FactBody):
    """How the alert ended."""

    resolution: AlertResolution = "charge_withdrawn"
    reason: Text | None = None
