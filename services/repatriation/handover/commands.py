"""What can be asked of a repatriation's hand-over files. Plain data."""

from dataclasses import dataclass
from typing import TypeAlias

from libs.events.catalogue.repatriation import HandoverFileIssued, HandoverFileWithdrawn


@dataclass(frozen=True, slots=True)
class Issue:
    """Give out a file, where one that says the same is not out already."""

    file: HandoverFileIssued


@dataclass(frozen=True, slots=True)
class Withdraw:
    """Make a file void."""

    withdrawn: HandoverFileWithdrawn


FileCommand: TypeAlias = Issue | Withdraw
