"""Random histories of justice for the court-outcome view: made by the real deciders, so that each could have been."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import Any

from libs.events.catalogue.identification import Determined, Identified, Linked, Unlinked
from libs.events.catalogue.imports import SourceRecorded
from libs.events.catalogue.justice import Accused, ReportFiled, VictimCharged
from libs.events.consume import Fact
from libs.events.decider import Decider, Refused
from libs.events.envelope import GENESIS, Envelope
from libs.events.event import Event
from libs.events.handle import rfc3339
from libs.rules.statutes import load_statutes
from services.justice import commands as ask
from services.justice.decider import COURT_CASE
from services.justice.victim_charge.commands import AssignAlert, ChargeVictim, ResolveAlert
from services.justice.victim_charge.decider import VICTIM_CHARGE

LAW = load_statutes()
BEGIN = datetime(2009, 1, 1, 2, tzinfo=UTC)
CASES = ("KH-0000-001F", "KH-3RSM-QN8H", "KH-DB6G-V033")
COURTS = (("phnom-penh-court", "KH-12"), ("kandal-court", "KH-8"))
ARTICLES = (("lshtse-2008", "12"), ("lshtse-2008", "19"), ("lshtse-2008", "24"))
SENTENCES = {"12": (96, None), "19": (84, None), "24": (1, 5_000)}


@dataclass
class Past:
    """What happened, in the order of recording: one thing an hour, whenever it is said to have happened."""

    facts: list[Fact] = field(default_factory=list)
    states: dict[str, Any] = field(default_factory=dict)
    versions: dict[str, int] = field(default_factory=dict)

    @property
    def recorded(self) -> datetime:
        """When the next fact is recorded: years later, as histories are that are brought in."""
        return datetime(2015, 1, 1, tzinfo=UTC) + timedelta(hours=len(self.facts))

    def add(self, stream: str, event: Event, occurred: datetime) -> None:
        """One more fact of a stream."""
        version = self.versions[stream] = self.versions.get(stream, 0) + 1
        envelope = Envelope(
            id="i", type=event.wire, source="/services/justice", subject=CASES[0], time=rfc3339(self.recorded),
            occurredat=rfc3339(occurred), stream=stream, streamversion=version, organisation="o", actor="a",
            role="justice", correlationid="i", prevhash=GENESIS, data=event.data(),
        )  # fmt: skip
        self.facts.append(Fact(event, envelope))

    def ask(self, decider: Decider[Any, Any, Any], stream: str, command: object, occurred: datetime) -> None:
        """What a command leads to; nothing where it is refused."""
        state = self.states.get(stream, decider.initial)
        try:
            events = decider.decide(command, state)
        except Refused:
            return
        for event in events:
            self.add(stream, event, occurred)
        self.states[stream] = decider.fold(events, state)


def past_of(moves: list[tuple[Any, ...]]) -> Past:
    """The history that is made by moves: what, when (in days), and three numbers that choose the rest."""
    past = Past()
    for index, case in enumerate(CASES):
        past.add(f"case:{case}", _identified(case, index), BEGIN)
    past.add("source:1", _in_a_file(CASES[0]), BEGIN)
    for what, day, *chosen in moves:
        occurred = BEGIN + timedelta(days=day)
        MOVES[what](past, occurred, *chosen)
    return past


def _identified(case_id: str, index: int) -> Identified:
    return Identified(
        case_id=case_id, reported_by=f"police-{index % 2}", channel="raid", province="KH-12", country="KH",
        sex="female", age_group="18-20", child=False, nationality="KH", continuum="A", exploitation=("other",),
    )  # fmt: skip


def _in_a_file(case_id: str) -> SourceRecorded:
    return SourceRecorded(
        case_id=case_id, import_id="i", system="mosvy", mapping_version=1, file_hash="0" * 64, sheet=1, row=1,
        row_hash="0" * 64, met_on="2009-01-01", age_group="18-20", sex="female",
    )  # fmt: skip


def _court_case(past: Past, occurred: datetime, a: int, b: int, c: int) -> None:
    court, province = COURTS[a % 2]
    accused = tuple(Accused(ref=f"a{n}") for n in range(1 + b % 2))
    charges = tuple(
        ask.NewCharge(one.ref, *ARTICLES[(a + c + n) % 3]) for n, one in enumerate((*accused, *accused[:1]))
    )
    stream = f"court-case:{len([name for name in past.states if name.startswith('court')])}"
    command = ask.Prosecute(
        stream, CASES[: 1 + c % 3], court, province, accused, tuple(dict.fromkeys(charges)), _day(occurred), LAW
    )
    past.ask(COURT_CASE, stream, command, occurred)


def _court_move(past: Past, occurred: datetime, a: int, b: int, c: int) -> None:
    streams = [name for name in past.states if name.startswith("court")]
    if not streams:
        return
    stream = streams[a % len(streams)]
    key = list(past.states[stream].charges)[b % len(past.states[stream].charges)]
    past.ask(COURT_CASE, stream, list(_court_commands(key, _day(occurred)))[c % 8], occurred)


def _court_commands(key: ask.ChargeKey, on: date) -> Iterator[ask.CourtCaseCommand]:
    convicted = ask.Judgement("convicted", *SENTENCES[key[2]], 700)
    yield ask.GiveVerdict(key, convicted, on, LAW)
    yield ask.GiveVerdict(key, ask.Judgement("acquitted"), on, LAW)
    yield ask.GiveVerdict(key, ask.Judgement("dismissed"), on, LAW)
    yield ask.Appeal(*key, "defence", "replaced", ask.Judgement("acquitted"), on, LAW, {})
    yield ask.Appeal(*key, "prosecution", "replaced", ask.Judgement("convicted", None, None, 900), on, LAW, {})
    yield ask.PayCompensation(*key, 300)
    yield ask.AmendCharges((), (), (key,), on, LAW, {})
    yield ask.AmendCharges((), (ask.NewCharge(*key),), (), on, LAW, {})


def _victim(past: Past, occurred: datetime, a: int, b: int, c: int) -> None:
    stream, court = f"victim-charge:{a % 3}", COURTS[b % 2]
    charged = VictimCharged(
        victim_charge_id=stream, case_id=CASES[c % 3], court=court[0], province=court[1], statute="lshtse-2008",
        article="24", kind="soliciting", committed_on="2009-01-01",
    )  # fmt: skip
    known = stream in past.states
    commands = (AssignAlert("nrm-authority", "determined_victim"), ResolveAlert("acquitted"))
    command = commands[b % 2] if known else ChargeVictim(charged, (None, "presumed_victim")[c % 2])
    past.ask(VICTIM_CHARGE, stream, command, occurred)


def _of_case(past: Past, occurred: datetime, a: int, b: int, c: int) -> None:
    case, other = CASES[a % 3], CASES[(a + 1 + b % 2) % 3]
    match c % 4:
        case 0:
            event: Event = Linked(case_id=case, other_case_id=other)
        case 1:
            event = Unlinked(case_id=case, other_case_id=other)
        case 2:
            event = Determined(
                case_id=case, act=(), means=(), purpose=(), outcome=("victim", "not_victim")[b % 2], legal_basis=(),
                child=False,
            )  # fmt: skip
        case _:
            stream = f"report:{len(past.facts)}"
            past.add(stream, ReportFiled(report_id=stream, case_id=case, filed_by="cnp"), occurred)
            return
    past.add(f"case:{case}", event, occurred)


def _day(moment: datetime) -> date:
    return (moment + timedelta(hours=7)).date()


MOVES = {"court_case": _court_case, "court_move": _court_move, "victim": _victim, "of_case": _of_case}
