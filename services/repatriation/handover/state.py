"""Which hand-over files of a repatriation are out, and which of them still hold."""

from dataclasses import dataclass, replace
from typing import Literal, TypeAlias

from libs.events.catalogue.repatriation import HandoverFileIssued, HandoverFileWithdrawn, StepFact
from services.repatriation.state import Open

FileEvent: TypeAlias = HandoverFileIssued | HandoverFileWithdrawn
FileStatus: TypeAlias = Literal["valid", "superseded", "withdrawn"]


@dataclass(frozen=True, slots=True)
class Files:
    """Every file given out, in order, and what was said of them."""

    issued: tuple[HandoverFileIssued, ...] = ()
    withdrawn: tuple[HandoverFileWithdrawn, ...] = ()

    def named(self, code: str) -> HandoverFileIssued | None:
        """The file with this code."""
        return next((one for one in self.issued if one.code == code), None)

    def is_withdrawn(self, code: str) -> bool:
        """Whether somebody made it void."""
        return any(one.code == code for one in self.withdrawn)

    def saying(self, asked: HandoverFileIssued) -> HandoverFileIssued | None:
        """The file that is out and says the same in the same language: printing it again gives that one again."""
        return next((one for one in reversed(self.issued)
                     if basis(one) == basis(asked) and (one.language, one.words) == (asked.language, asked.words)
                     and not self.is_withdrawn(one.code)), None)  # fmt: skip


def basis(file: HandoverFileIssued) -> tuple[int, int]:
    """What a file rests on: how much of the return, and which version of the person, was recorded."""
    return file.recorded, file.person_version


def files_after(state: Files, event: FileEvent) -> Files:
    """The files after one more fact."""
    if isinstance(event, HandoverFileIssued):
        return replace(state, issued=(*state.issued, event))
    return replace(state, withdrawn=(*state.withdrawn, event))


def status_of(file: HandoverFileIssued, files: Files, repatriation: Open) -> FileStatus:
    """Whether a file still holds: a refusal since makes it void, a later file that rests on more replaces it."""
    since = repatriation.facts[file.recorded :]
    if files.is_withdrawn(file.code) or any(isinstance(one, StepFact) and one.outcome == "refused" for one in since):
        return "withdrawn"
    later = files.issued[files.issued.index(file) + 1 :]
    return "superseded" if any(basis(one) != basis(file) for one in later) else "valid"
