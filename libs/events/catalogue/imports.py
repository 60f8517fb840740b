"""The facts of bringing other systems' files in: identification's too, on streams of their own."""

from datetime import date
from typing import ClassVar, Literal

from pydantic import Field

from libs.events.catalogue.vocabulary import AgeGroup, CaseId, Country, Sex, Slug
from libs.events.event import Event


class ImportStarted(Event):
    """An organisation handed in another system's file. A dry run records this, its end, and nothing else."""

    wire: ClassVar[str] = "org.opennrm.identification.import_started.v1"
    import_id: str
    system: Slug
    mapping_version: int = Field(ge=1, description="The version of the mapping file that reads it")
    file_hash: str = Field(pattern=r"^[0-9a-f]{64}$", description="SHA-256 of the file")
    rows: int = Field(ge=0)
    dry_run: bool


class ImportFinished(Event):
    """Every row of the file was looked at: how many were recorded, and how many not."""

    wire: ClassVar[str] = "org.opennrm.identification.import_finished.v1"
    import_id: str
    recorded: int = Field(ge=0)
    duplicate: int = Field(ge=0)
    refused: int = Field(ge=0)
    needs_review: int = Field(ge=0)


class SourceRecorded(Event):
    """A row of another system's file is about this case, or says something else of it now. Sealed: the row."""

    wire: ClassVar[str] = "org.opennrm.identification.source_recorded.v1"
    case_id: CaseId
    import_id: str
    system: Slug
    mapping_version: int = Field(ge=1)
    file_hash: str = Field(pattern=r"^[0-9a-f]{64}$")
    sheet: int = Field(ge=1)
    row: int = Field(ge=1)
    row_hash: str = Field(pattern=r"^[0-9a-f]{64}$", description="Keyed digest of the row: it tells nothing of it")
    met_on: date = Field(description="The day on which the system says that the person was met")
    age_group: AgeGroup
    sex: Sex
    claim: Literal["victim", "suspected"] | None = Field(None, description="What the system takes the person for")
    filled: tuple[str, ...] = Field((), description="Which facts the row states")
    beyond: tuple[str, ...] = Field((), description="Facts of other services that it states; kept sealed with it")


class AgencyReported(Event):
    """The labour ministry counts workers whom an agency sent abroad. No person is named, and nobody is a victim."""

    wire: ClassVar[str] = "org.opennrm.identification.agency_reported.v1"
    import_id: str
    system: Slug
    mapping_version: int = Field(ge=1)
    file_hash: str = Field(pattern=r"^[0-9a-f]{64}$")
    sheet: int = Field(ge=1)
    row: int = Field(ge=1)
    row_hash: str = Field(pattern=r"^[0-9a-f]{64}$")
    licence: str
    agency: str = Field(description="The agency's name: an organisation's, no person's")
    country: Country
    year: int
    women: int = Field(ge=0)
    men: int = Field(ge=0)
