"""What the demonstration found, and how it is shown: tables on the terminal, or one JSON object."""

import json
from dataclasses import asdict, dataclass, field

from rich.console import Console
from rich.table import Table
from rich.text import Text

from nrm.audit_demo.auditor import Verdict
from nrm.audit_demo.ground import Done
from nrm.audit_demo.live import Noticed

WIDTH_MIN = 150


@dataclass(frozen=True, slots=True)
class Tried:
    """One attack and what `nrm verify` said of the export."""

    attack: str
    place: str
    done: Done
    verdict: Verdict
    alone: Verdict | None = None
    """The same with the export's own key and no kept checkpoint, where that is worth knowing."""

    @property
    def found(self) -> bool:
        """Whether it was found and named."""
        return self.verdict.names(self.done)


@dataclass(slots=True)
class Outcome:
    """Everything that the demonstration saw."""

    honest: Verdict | None = None
    tried: list[Tried] = field(default_factory=list)
    noticed: list[Noticed] = field(default_factory=list)

    @property
    def good(self) -> bool:
        """Whether the honest export was accepted, and every attack was found and named."""
        accepted = self.honest is not None and not self.honest.findings and self.honest.events > 0
        return accepted and all(one.found for one in self.tried) and all(one.found for one in self.noticed)


def print_json(outcome: Outcome) -> None:
    """Print one JSON object."""
    answer = {
        "ok": outcome.good,
        "honest": asdict(outcome.honest) if outcome.honest else None,
        "attacks": [{**asdict(one), "found": one.found} for one in outcome.tried],
        "noticed": [asdict(one) for one in outcome.noticed],
    }
    Console(soft_wrap=True).print_json(json.dumps(answer))


def print_tables(outcome: Outcome) -> None:
    """Print what was done, what was said, and the verdict."""
    console = Console()
    if not console.is_terminal:
        console = Console(width=WIDTH_MIN)
    if outcome.honest is not None:
        console.print(f"The honest export, with the checkpoint that the auditor kept: {_verdict(outcome.honest)}\n")
    if outcome.tried:
        console.print(_attacks(outcome.tried))
    for one in outcome.tried:
        if one.alone is not None:
            console.print(f"{one.attack}, without the kept checkpoint: {_verdict(one.alone)}", markup=False)
    if outcome.noticed:
        console.print()
        console.print(_noticed(outcome.noticed))
    missed = [one.attack for one in outcome.tried if not one.found]
    missed += [one.attack for one in outcome.noticed if not one.found]
    if outcome.good:
        console.print("[green]Every attack was found and named; the honest export was accepted.[/green]")
    else:
        console.print(f"[red]Not as it must be.[/red] Missed: {', '.join(missed) or 'none'}")


def _verdict(verdict: Verdict) -> str:
    if not verdict.findings:
        return f"OK {verdict.events} events"
    return "; ".join(f"BAD {event_id}: {what}" for event_id, what in verdict.findings[:3])


def _attacks(tried: list[Tried]) -> Table:
    table = Table(title="The attacks, and what `nrm verify` said", title_justify="left", show_lines=True)
    for column in ("attack", "on", "what was done", "nrm verify"):
        table.add_column(column, overflow="fold")
    table.add_column("found", no_wrap=True)
    for one in tried:
        said = Text(one.verdict.about(one.done))
        table.add_row(one.attack, one.place, Text(one.done.said), said, _mark(found=one.found))
    return table


def _noticed(noticed: list[Noticed]) -> Table:
    table = Table(title="What the register noticed by itself", title_justify="left", show_lines=True)
    for column in ("attack", "what was said"):
        table.add_column(column, overflow="fold")
    table.add_column("found", no_wrap=True)
    for one in noticed:
        table.add_row(Text(one.attack), Text(one.said), _mark(found=one.found))
    return table


def _mark(*, found: bool) -> Text:
    return Text("yes", style="green") if found else Text("NO", style="bold red")
