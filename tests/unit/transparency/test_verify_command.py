"""`nrm verify`: its lines and exit codes."""

import json
from pathlib import Path

import pytest

from libs.transparency.bundle import EVENTS, Scope
from nrm.commands.verify import verify_command
from tests.transparency_kit import LOG_KEY, WITNESS_KEYS, export, make_log


def test_says_ok_and_how_many(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    written = export(make_log(1, 20), tmp_path)
    (tmp_path / "mine").write_text(f"{LOG_KEY.verifier}\n")
    assert verify_command(tmp_path, tmp_path / "mine") == 0
    assert capsys.readouterr() == (f"OK {written} events\n", "")


def test_names_a_changed_event(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    log = make_log(1, 20)
    export(log, tmp_path)
    events = tmp_path / EVENTS
    events.write_bytes(events.read_bytes().replace(b"cnp-poipet", b"cnp-poipat", 1))
    assert verify_command(tmp_path) == 1
    assert capsys.readouterr().out.startswith(f"BAD {log.envelopes[0]['id']}: changed")
    assert verify_command(tmp_path, as_json=True) == 1
    assert json.loads(capsys.readouterr().out)["findings"][0]["event_id"] == log.envelopes[0]["id"]


def test_says_what_it_cannot_read(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert verify_command(tmp_path / "nowhere") == 2
    export(make_log(1, 20), tmp_path)
    assert verify_command(tmp_path, tmp_path / EVENTS) == 2
    assert verify_command(tmp_path, kept=[tmp_path / "nowhere"]) == 2
    assert capsys.readouterr().out == ""


def test_a_quorum_is_asked_for_where_the_policy_does(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    export(make_log(1, 20), tmp_path)
    lines = [f"log {LOG_KEY.verifier}", *[f"witness w{n} {key.verifier}" for n, key in enumerate(WITNESS_KEYS)]]
    (tmp_path / "policy").write_text("\n".join([*lines, "group q 2 w0 w1 w2", "quorum q\n"]))
    assert verify_command(tmp_path, tmp_path / "policy") == 1
    assert "quorum" in capsys.readouterr().out


def test_a_case_with_its_consistency_proof_meets_a_kept_checkpoint(tmp_path: Path) -> None:
    log = make_log(1, 120)
    kept = make_log(1, 120)
    (tmp_path / "kept").write_text(str(kept.checkpoint()))
    log.add(
        {"type": "org.opennrm.identification.closed.v1", "stream": "case-0", "subject": "KH-CASE-000A", "data": {}},
        5000,
    )
    log.manifest()
    scope = Scope("subject", subject="KH-CASE-000A")
    export(log, tmp_path, scope, consistency=[kept.tree.size])
    assert verify_command(tmp_path, kept=[tmp_path / "kept"]) == 0
    export(log, tmp_path, scope)
    assert verify_command(tmp_path, kept=[tmp_path / "kept"]) == 1
    (tmp_path / "kept").write_text(str(make_log(2, 110).checkpoint()))
    export(log, tmp_path)
    assert verify_command(tmp_path, kept=[tmp_path / "kept"]) == 1
