"""What is not there: an event of another's stream, a position that never came, a past that was another."""

from pathlib import Path
from typing import Any

import pytest

from libs.transparency.bundle import PROOFS, Scope
from libs.transparency.canonical import leaf_data
from libs.transparency.manifest import Heads
from libs.transparency.merkle import leaf_hash
from libs.transparency.verify import verify_folder
from tests.transparency_kit import Log, export, make_log

ONE, TWO = "KH-AAAA-AAAA", "KH-BBBB-BBBB"


def event(stream: str, subject: str, **data: Any) -> dict[str, Any]:
    return {"type": "org.opennrm.justice.verdict_given.v1", "stream": stream, "subject": subject, "data": data}


def court() -> Log:
    """Two victims of one accused: the court's stream is about the first, and names both."""
    log = Log()
    for number, one in enumerate(
        [
            event(f"case:{ONE}", ONE, case_id=ONE),
            event(f"case:{TWO}", TWO, case_id=TWO),
            event("court-case:1", ONE, case_ids=[ONE, TWO]),
            event(f"case:{ONE}", ONE, case_id=ONE, other_case_id=TWO),
        ]
    ):
        log.add(one, number)
    log.manifest()
    return log


def test_a_cases_export_has_every_event_that_concerns_it(tmp_path: Path) -> None:
    log = court()
    assert export(log, tmp_path, Scope("subject", subject=TWO)) == 3
    assert verify_folder(tmp_path).findings == ()


@pytest.mark.parametrize("left_out", [1, 2, 3])
def test_an_event_of_anothers_stream_cannot_be_left_out(tmp_path: Path, left_out: int) -> None:
    log = court()
    export(log, tmp_path, Scope("subject", subject=TWO))
    for name in ("events.ndjson", PROOFS):
        lines = (tmp_path / name).read_bytes().splitlines(keepends=True)
        del lines[left_out if name == PROOFS else left_out - 1]
        (tmp_path / name).write_bytes(b"".join(lines))
    findings = verify_folder(tmp_path).findings
    assert any("not complete: the case has 3 events by the manifest" in one.what for one in findings), findings


@pytest.mark.parametrize("scope", [Scope(), Scope("range", first=1, end=6)])
def test_a_position_that_never_came_is_named_by_the_event_behind_it(tmp_path: Path, scope: Scope) -> None:
    """Dropped before it was logged: the log itself is whole and well signed, and still has a hole."""
    log = Log()
    for number in range(6):
        skipped = {"_skipped": 2} if number == 3 else {}
        log.add({**event(f"case:{number}", f"KH-CASE-00{number}A"), **skipped}, number)
    export(log, tmp_path, scope)
    [finding] = verify_folder(tmp_path).findings
    assert finding.event_id == log.envelopes[3]["id"]
    assert finding.what == "missing before this event: position 4 to 5 of /services/identification"


@pytest.mark.parametrize("scope", [Scope("subject", subject="KH-CASE-001A"), Scope("range", first=10, end=40)])
def test_a_part_proves_that_it_extends_what_the_auditor_keeps(tmp_path: Path, scope: Scope) -> None:
    before, after = make_log(5, 50), make_log(5, 90)
    other = make_log(6, 50)
    size = len(before.envelopes)
    assert after.envelopes[: size - 1] == before.envelopes[:-1]  # one history; the last leaf is the last manifest
    for log, kept, good in ((after, prefix(after, size), True), (after, other, False)):
        export(log, tmp_path, scope, [len(kept.envelopes)])
        report = verify_folder(tmp_path, retained=[str(kept.checkpoint()).encode()])
        assert (not report.findings) is good
        assert good or "forked: this checkpoint does not extend the retained one" in report.findings[0].what


def prefix(log: Log, size: int) -> Log:
    made = Log()
    for number, envelope in enumerate(log.envelopes[:size]):
        kept = {key: value for key, value in envelope.items() if key not in {"hash", "prevhash", "streamversion"}}
        made.add(kept, number)
    return made


def test_a_log_from_before_still_verifies(tmp_path: Path) -> None:
    """Manifests of the first type counted an event under its subject alone."""
    log = court()
    log.envelopes.pop()
    old = Log()
    for number, envelope in enumerate(log.envelopes):
        bare = {key: value for key, value in envelope.items() if key not in {"hash", "prevhash", "streamversion"}}
        old.add(bare, number)
    old.heads = subjects_alone(old)
    old.manifest(first_type=True)
    export(old, tmp_path)
    assert verify_folder(tmp_path).findings == ()
    old.add(event("court-case:1", ONE, case_ids=[ONE, TWO]), 9)
    old.manifest()
    export(old, tmp_path)
    assert verify_folder(tmp_path).findings == ()


def subjects_alone(log: Log) -> Heads:
    heads = Heads()
    for envelope in log.envelopes:
        heads.add({**envelope, "data": {}}, leaf_hash(leaf_data(envelope)))
    return heads
