"""What integrating systems send to repatriation."""

from typing import Annotated

from pydantic import Field

from libs.events.catalogue.vocabulary import Slug, StepOutcome
from libs.events.event import JSON
from libs.runtime.requests import FactBody

CaseReference = Annotated[str, Field(min_length=1, max_length=40, description="KH-XXXX-XXXC")]
Text = Annotated[str, Field(min_length=1, max_length=20_000)]
Documents = Annotated[list[Annotated[str, Field(min_length=1, max_length=300)]], Field(max_length=50)]
CorridorName = Annotated[str, Field(min_length=1, max_length=40, description="`KH-VN`")]


class RepatriationBody(FactBody):
    """A person is to be taken home."""

    case_id: CaseReference
    corridor: CorridorName
    requested_by: Slug


class StepBody(FactBody):
    """What became of a step, and who did it."""

    outcome: StepOutcome
    by: Slug
    documents: Documents = []
    note: Text | None = None

    def personal(self) -> dict[str, JSON]:
        """The fields that are encrypted."""
        return personal_of(self.note, self.documents)


class RestartBody(FactBody):
    """A stopped repatriation is taken up again."""

    reason: Text | None = None


class AcknowledgementBody(FactBody):
    """A step that another organisation recorded is confirmed."""

    by: Slug | None = None
    note: Text | None = None


def personal_of(note: str | None, documents: list[str]) -> dict[str, JSON]:
    """A step's note and documents, where there are any: they are encrypted."""
    return {name: value for name, value in (("note", note), ("documents", documents)) if value}


class WithdrawalBody(FactBody):
    """A hand-over file is made void."""

    reason: Text
