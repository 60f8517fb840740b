"""What the operator, with every key of the server, cannot forge: an event in the name of one who signs."""

import base64
import hashlib
from pathlib import Path
from typing import Any

import pytest

from libs.transparency.bundle import SUBMITTERS
from libs.transparency.registry import BadRegistry, Registry
from libs.transparency.submissions import SUBMITTERS_STREAM, SUBMITTERS_TYPE, has_digest
from libs.transparency.verify import Report, verify_folder
from nrm.commands.verify import verify_command
from tests.submitter_kit import Submitter, registry
from tests.transparency_kit import Log, export

MOSVY, COURT = Submitter("mosvy"), Submitter("court-1", b"C" * 32)
CASE, OTHER = "KH-AAAA-AAAA", "KH-BBBB-BBBB"
BODY = b'{"reason":"r","salt":"0123456789012345678901"}'
KEYS = registry(MOSVY.entry(signs_from="2026-11-01T00:00:00Z"), COURT.entry())
TIME = "2026-11-24T08:00:01Z"


def event(case: str = CASE, organisation: str = "mosvy", request: str = "r-1", **more: Any) -> dict[str, Any]:
    return {
        "type": "org.opennrm.identification.review_opened.v1",
        "stream": f"case:{case}",
        "subject": case,
        "organisation": organisation,
        "correlationid": request,
        "time": "2026-11-24T08:00:02.000000Z",
        "data": {"case_id": case},
        **more,
    }


def signed(by: Submitter = MOSVY, case: str = CASE, key: str = "k-1", created: str = TIME) -> dict[str, str]:
    return by.attributes(f"/v1/cases/{case.lower()}/reviews", BODY, created, key)


def verified(tmp_path: Path, *events: dict[str, Any], keys: bytes = KEYS) -> tuple[Report, Log]:
    """The report on a log of these events that its operator hashed, chained and signed as it should."""
    log = Log()
    for number, one in enumerate(events):
        log.add(one, number)
    log.manifest()
    export(log, tmp_path)
    (tmp_path / SUBMITTERS).write_bytes(keys)
    return verify_folder(tmp_path), log


def test_accepts_and_counts_what_submitters_signed(tmp_path: Path) -> None:
    one = signed()
    report, _ = verified(
        tmp_path,
        event(**one), event(request="r-1", **one),
        event(organisation="court-1", request="r-2", **signed(COURT)),
        event(organisation="court-1", request="r-3"), event(organisation="ngo-7", request="r-4"),
    )  # fmt: skip
    assert report.findings == ()
    assert report.signed == 3


@pytest.mark.parametrize(
    ("forged", "what"),
    [
        (event(), "mosvy signs what it posts, and this has no signature"),
        (event(**{**signed(), "submissionsignature": signed(COURT)["submissionsignature"]}), "does not hold"),
        (event(**signed(COURT)), "it is signed by court-1, and recorded as mosvy's"),
        (event(OTHER, **signed()), f"what was signed is POST /v1/cases/{CASE.lower()}/reviews, another request"),
        (event(**signed(created="2026-11-24T07:00:00Z")), "it was signed at another time"),
        (event(**signed(created="2025-11-24T08:00:00Z")), "was not in use when it was signed"),
        (event(**signed(Submitter("mosvy", b"X" * 32, "mosvy-2031"))), "key 'mosvy-2031' is not known"),
        (event(**signed(Submitter("mosvy", b"X" * 32))), "the signature of mosvy does not hold"),
        (event(submissionbody="v1.AAAA"), "a submitter's signature was taken off"),
        (event(**{**signed(), "submissionbase": "bm8gYmFzZQ=="}), "not well formed"),
    ],
    ids=lambda one: one if isinstance(one, str) else "",
)
def test_names_what_the_operator_forged(tmp_path: Path, forged: dict[str, Any], what: str) -> None:
    report, log = verified(tmp_path, event(request="r-0", **signed(key="k-0")), forged)
    named = {finding.event_id for finding in report.findings}
    assert named == {log.envelopes[1]["id"]}, report.findings
    assert any(what in finding.what for finding in report.findings), report.findings


FILE = b"Reg. No.,Full name\n1,Sok Dara\n"
LATER = {"time": "2026-12-10T08:00:00.000000Z"}


def of_batch(source: str = "repatriation", **more: Any) -> dict[str, Any]:
    """An event of a signed batch, recorded when what it waited for had come."""
    signature = MOSVY.attributes("/v1/inbox", BODY, TIME, "b-1")
    return event(source=f"/services/{source}", **LATER, **signature, **more)


def of_file(content: bytes = FILE) -> dict[str, Any]:
    """A row of a signed file, recorded when its turn had come."""
    data = {"case_id": CASE, "file_hash": hashlib.sha256(content).hexdigest()}
    return event(**LATER, data=data, **MOSVY.attributes("/v1/imports/mosvy", FILE, TIME, "f-1"))


def test_what_follows_of_a_batch_or_a_file_may_be_recorded_later(tmp_path: Path) -> None:
    report, _ = verified(tmp_path, of_batch(), of_batch(), {**of_file(), "correlationid": "r-2"})
    assert (report.findings, report.signed) == ((), 3)


@pytest.mark.parametrize(
    ("forged", "what"),
    [
        (of_batch("identification"), "what was signed is POST /v1/inbox, another request"),
        (of_file(FILE + b"2,Chan Thy\n"), "what was signed is POST /v1/imports/mosvy, another request"),
        ({**of_batch(), "time": "2026-11-24T07:00:00.000000Z"}, "it was signed at another time"),
        ({**of_batch(), "correlationid": "r-0"}, "this signature belongs to another request"),
    ],
    ids=["another service's", "another file's", "recorded before", "another batch's"],
)
def test_names_what_is_not_of_the_batch_or_the_file(tmp_path: Path, forged: dict[str, Any], what: str) -> None:
    report, log = verified(tmp_path, of_batch(), forged)
    named = [finding for finding in report.findings if finding.event_id == log.envelopes[1]["id"]]
    assert any(what in finding.what for finding in named), report.findings


def test_names_a_signature_that_is_used_for_a_second_request(tmp_path: Path) -> None:
    one = signed()
    report, log = verified(tmp_path, event(request="r-1", **one), event(request="r-2", **one))
    [finding] = report.findings
    assert (finding.event_id, finding.what) == (
        log.envelopes[1]["id"], "forged: this signature belongs to another request"
    )  # fmt: skip


def listed(by: Submitter) -> dict[str, Any]:
    """The log's leaf that lists an organisation's keys."""
    entry = {name: value for name, value in by.entry().items() if value}
    entry["keys"] = [{name: value for name, value in key.items() if value} for key in entry["keys"]]
    return {
        "type": SUBMITTERS_TYPE, "stream": SUBMITTERS_STREAM, "subject": SUBMITTERS_STREAM,
        "source": "/services/audit", "organisation": "opennrm", "data": entry,
    }  # fmt: skip


EXCHANGED = Submitter("mosvy", b"O" * 32)


@pytest.mark.parametrize(
    ("leaves", "what"),
    [
        ([listed(MOSVY), event(**signed())], None),
        ([listed(MOSVY), listed(MOSVY), listed(COURT), event(**signed())], None),
        ([listed(EXCHANGED), event(**signed())], "the log lists a key mosvy-2026 that mosvy did not give"),
        ([listed(MOSVY), listed(EXCHANGED)], "the key mosvy-2026 was another one before in this log"),
        ([event(**signed()), listed(COURT)], "its key mosvy-2026 is not listed in this log"),
        ([{**listed(MOSVY), "data": {"organisation": "mosvy"}}], "what it lists of a submitter cannot be read"),
    ],
    ids=["listed", "listed again", "not the ministry's", "another one later", "never listed", "unreadable"],
)
def test_a_key_in_the_log_cannot_be_exchanged_later(
    tmp_path: Path, leaves: list[dict[str, Any]], what: str | None
) -> None:
    report, _ = verified(tmp_path, *leaves)
    assert [what in finding.what for finding in report.findings if what][:1] == ([True] if what else [])
    assert what or report.findings == ()


def test_keys_from_elsewhere_do_not_believe_the_folders(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:  # fmt: skip
    """The operator puts a key of his own into the export's file."""
    own = Submitter("mosvy", b"O" * 32)
    report, log = verified(tmp_path, event(**signed(own)), keys=registry(own.entry()))
    assert report.findings == ()
    (tmp_path / "mine.json").write_bytes(KEYS)
    assert verify_command(tmp_path, submitter_keys=tmp_path / "mine.json") == 1
    said = capsys.readouterr().out
    assert said == f"BAD {log.envelopes[0]['id']}: forged: the signature of mosvy does not hold\n"


def test_a_body_is_held_against_what_was_signed() -> None:
    base = base64.b64decode(signed()["submissionbase"]).decode()
    assert has_digest(base, BODY)
    assert not has_digest(base, BODY + b" ")


@pytest.mark.parametrize(
    "raw",
    [
        b"{}",
        b"not json",
        registry({**MOSVY.entry(), "unknown": 1}),
        registry(MOSVY.entry(), MOSVY.entry()),
        registry({**MOSVY.entry(), "keys": []}),
        registry({**MOSVY.entry(), "keys": [{**MOSVY.entry()["keys"][0], "algorithm": "rsa-pss-sha512"}]}),
        registry({**MOSVY.entry(), "keys": [{**MOSVY.entry()["keys"][0], "public_key": "no key"}]}),
    ],
)
def test_a_file_of_keys_that_is_not_in_order_is_refused(raw: bytes) -> None:
    with pytest.raises(BadRegistry):
        Registry.parse(raw)
