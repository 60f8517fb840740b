"""Every kind of tampering is found and named; every honest export is accepted."""

import atexit
import json
from functools import cache
from pathlib import Path
from random import Random
from shutil import rmtree
from tempfile import mkdtemp

import orjson
import pytest
import rfc8785
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from libs.transparency.bundle import CHECKPOINT, EVENTS, PROOFS, Scope
from libs.transparency.canonical import canonical, leaf_data, seal
from libs.transparency.checkpoint import Policy
from libs.transparency.note import SigningKey
from libs.transparency.verify import Report, verify_folder
from tests.transparency_kit import LOG_KEY, Log, dice, export, make_log

THOROUGH = settings(max_examples=1000, deadline=None, suppress_health_check=list(HealthCheck))
SCOPES = ["whole", "subject", "range"]
SEED = st.integers(0, 2**32)


def scope_of(kind: str, log: Log) -> Scope:
    if kind == "range":
        return Scope("range", first=len(log.envelopes) // 4, end=len(log.envelopes) * 3 // 4)
    return Scope("subject", subject="KH-CASE-001A") if kind == "subject" else Scope()


@cache
def room() -> Path:
    """Where every export of this run is written; gone with the run."""
    folder = Path(mkdtemp(prefix="nrm-exports-"))
    atexit.register(rmtree, folder)
    return folder


def new_folder() -> Path:
    return Path(mkdtemp(dir=room()))


@cache
def honest(kind: str, size: int) -> tuple[Path, dict[str, bytes]]:
    """An export in a folder of its own, and its files' bytes to start each tampering from."""
    log = make_log(size, size)
    folder = new_folder()
    export(log, folder, scope_of(kind, log))
    return folder, {file.name: file.read_bytes() for file in folder.iterdir()}


def tampered(kind: str, size: int, lines: list[bytes]) -> Report:
    folder, files = honest(kind, size)
    for name, content in files.items():
        (folder / name).write_bytes(content)
    (folder / EVENTS).write_bytes(b"".join(lines))
    return verify_folder(folder)


def start(kind: str, rng: Random) -> tuple[int, list[bytes]]:
    size = rng.choice([40, 300, 700])
    return size, honest(kind, size)[1][EVENTS].splitlines(keepends=True)


def id_of(line: bytes) -> str:
    return str(orjson.loads(line)["id"])


def named(report: Report) -> set[str]:
    return {finding.event_id for finding in report.findings}


@given(st.integers(0, 700), SEED, st.sampled_from(SCOPES))
@settings(max_examples=60, deadline=None)
def test_accepts_every_honest_export(events: int, seed: int, kind: str) -> None:
    log, folder = make_log(seed, events), new_folder()
    written = export(log, folder, scope_of(kind, log)) if events > 10 else export(log, folder)
    assert verify_folder(folder) == Report(written, ())


@pytest.mark.parametrize("kind", SCOPES)
@given(seed=SEED)
@THOROUGH
def test_names_an_event_with_a_changed_byte(kind: str, seed: int) -> None:
    rng = dice(seed)
    size, lines = start(kind, rng)
    at = rng.randrange(len(lines))
    victim, line = id_of(lines[at]), bytearray(lines[at])
    line[rng.randrange(len(line))] ^= 1 << rng.randrange(8)
    lines[at] = bytes(line)
    assert victim in named(tampered(kind, size, lines))


@pytest.mark.parametrize("kind", SCOPES)
@given(seed=SEED)
@THOROUGH
def test_names_exactly_the_deleted_event(kind: str, seed: int) -> None:
    rng = dice(seed)
    size, lines = start(kind, rng)
    victim = id_of(lines.pop(rng.randrange(len(lines))))
    assert named(tampered(kind, size, lines)) == {victim}


@pytest.mark.parametrize("kind", SCOPES)
@given(seed=SEED)
@THOROUGH
def test_names_both_of_a_swapped_pair(kind: str, seed: int) -> None:
    rng = dice(seed)
    size, lines = start(kind, rng)
    one, two = rng.sample(range(len(lines)), 2)
    pair = {id_of(lines[one]), id_of(lines[two])}
    lines[one], lines[two] = lines[two], lines[one]
    assert named(tampered(kind, size, lines)) == pair


@pytest.mark.parametrize("kind", SCOPES)
@given(seed=SEED)
@THOROUGH
def test_names_exactly_the_inserted_event(kind: str, seed: int) -> None:
    rng = dice(seed)
    size, lines = start(kind, rng)
    model = orjson.loads(rng.choice(lines))
    del model["hash"]
    forged = seal({**model, "id": "0190aaaa-0000-7000-8000-000000000000", "time": "2020-01-01T00:00:00.000000Z"})
    lines.insert(rng.randrange(len(lines) + 1), canonical(forged) + b"\n")
    assert named(tampered(kind, size, lines)) == {forged["id"]}


@pytest.mark.parametrize("kind", SCOPES)
@given(seed=SEED)
@THOROUGH
def test_names_the_first_event_of_a_cut_off_tail(kind: str, seed: int) -> None:
    rng = dice(seed)
    size, lines = start(kind, rng)
    cut = rng.randrange(len(lines))
    assert named(tampered(kind, size, lines[:cut])) == {id_of(lines[cut])}


@pytest.mark.parametrize("kind", SCOPES)
@given(seed=SEED)
@THOROUGH
def test_names_every_event_of_a_forged_stream(kind: str, seed: int) -> None:
    rng = dice(seed)
    size, lines = start(kind, rng)
    envelopes = [orjson.loads(line) for line in lines]
    stream, prevhash, forged = rng.choice(envelopes)["stream"], None, set()
    for at, envelope in enumerate(envelopes):
        if envelope["stream"] == stream:
            envelope["data"] = {**envelope["data"], "n": 1000}
            envelope["prevhash"] = prevhash or envelope["prevhash"]
            del envelope["hash"]
            sealed = seal(envelope)
            prevhash = sealed["hash"]
            forged.add(sealed["id"])
            lines[at] = canonical(sealed) + b"\n"
    assert named(tampered(kind, size, lines)) == forged


@pytest.mark.parametrize("kind", SCOPES)
@pytest.mark.parametrize("name", [PROOFS, CHECKPOINT])
@given(seed=SEED)
@settings(THOROUGH, max_examples=400)
def test_refuses_proofs_and_checkpoints_with_a_changed_bit(name: str, kind: str, seed: int) -> None:
    rng = dice(seed)
    size = 40
    folder, files = honest(kind, size)
    raw = bytearray(files[name])
    raw[rng.randrange(len(raw))] ^= 1 << rng.randrange(8)
    tampered(kind, size, files[EVENTS].splitlines(keepends=True))
    (folder / name).write_bytes(raw)
    assert verify_folder(folder).findings


@given(SEED, st.integers(1, 60))
@THOROUGH
def test_names_where_a_retained_checkpoint_shows_a_fork(seed: int, kept: int) -> None:
    rng = dice(seed)
    folder = honest("whole", 40)[0]
    after = make_log(1, 60, manifests=False)
    export(after, folder)
    old = prefix(after, kept)
    assert not verify_folder(folder, retained=[str(old.checkpoint()).encode()]).findings
    at = rng.randrange(kept)
    rewritten = rewrite(after, at)
    export(rewritten, folder)
    assert not verify_folder(folder).findings
    report = verify_folder(folder, retained=[str(old.checkpoint()).encode()])
    assert named(report) == {rewritten.envelopes[kept - 1]["id"]}


def prefix(log: Log, size: int) -> Log:
    made = Log()
    for number, envelope in enumerate(log.envelopes[:size]):
        made.add(
            {key: value for key, value in envelope.items() if key not in {"hash", "prevhash", "streamversion"}}, number
        )
    return made


def rewrite(log: Log, at: int) -> Log:
    """What an operator with the log's key can do: another history, hashed and signed like the first."""
    made = Log()
    for number, envelope in enumerate(log.envelopes):
        event = {key: value for key, value in envelope.items() if key not in {"hash", "prevhash", "streamversion"}}
        made.add({**event, "data": {"n": 77_777}} if number == at else event, number)
    return made


@given(SEED)
@settings(THOROUGH, max_examples=300)
def test_a_proof_left_out_with_its_event_is_missed_by_the_manifest(seed: int) -> None:
    rng = dice(seed)
    size, lines = start("subject", rng)
    folder, files = honest("subject", size)
    at = rng.randrange(len(lines))
    tampered("subject", size, lines[:at] + lines[at + 1 :])
    proofs = files[PROOFS].splitlines(keepends=True)
    del proofs[1 + at]
    (folder / PROOFS).write_bytes(b"".join(proofs))
    assert any("not complete" in finding.what for finding in verify_folder(folder).findings)


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**53) + 1, 2**53 - 1)
    | st.text(st.characters(exclude_categories=["Cs"])),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(st.characters(codec="ascii")), inner),
)


@given(st.dictionaries(st.text(st.characters(codec="ascii")), JSON))
@settings(max_examples=300, deadline=None)
def test_the_fast_encoder_gives_the_bytes_of_rfc_8785(value: dict[str, object]) -> None:
    assert canonical(value) == rfc8785.dumps(json.loads(json.dumps(value)))
    assert leaf_data({**value, "hash": "x", "position": 1}) == leaf_data(value) or {"hash", "position"} & value.keys()


def test_the_key_of_another_log_is_refused() -> None:
    folder, files = honest("whole", 40)
    tampered("whole", 40, files[EVENTS].splitlines(keepends=True))
    other = SigningKey.generate(LOG_KEY.name).verifier
    assert verify_folder(folder, Policy.of([other])).findings
    assert not verify_folder(folder, Policy.of([LOG_KEY.verifier])).findings


def test_a_history_rewritten_with_its_proofs_does_not_meet_the_signed_checkpoint() -> None:
    log, folder = make_log(1, 300, manifests=False), new_folder()
    export(log, folder)
    signed = (folder / CHECKPOINT).read_bytes()
    export(rewrite(log, 7), folder)
    (folder / CHECKPOINT).write_bytes(signed)
    assert named(verify_folder(folder)) == {log.envelopes[-1]["id"]}
