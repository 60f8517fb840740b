"""The witness: every answer that tlog-witness prescribes, the race it warns of, and its HTTP face."""

from concurrent.futures import ThreadPoolExecutor
from hashlib import sha256
from pathlib import Path

import pytest
from fastapi.testclient import TestClient

from libs.transparency.checkpoint import Checkpoint, parse_checkpoint, sign_checkpoint
from libs.transparency.merkle import EMPTY_ROOT, consistency_proof
from libs.transparency.note import Note, Signature, SigningKey, parse_note, verified
from libs.transparency.witness import FileState, MemoryState, Refused, Witness, WitnessState, format_request
from nrm.witness import create_app, read_key, read_logs
from tests.transparency_kit import LOG_KEY, ORIGIN, WITNESS_KEYS, Log, make_log

LOG = make_log(3, 300, manifests=False)
NOW = 1_700_000_000


def checkpoint(size: int, key: SigningKey = LOG_KEY, origin: str = ORIGIN, root: bytes | None = None) -> Note:
    return sign_checkpoint(Checkpoint(origin, size, root or roots()[size]), key)


def roots() -> list[bytes]:
    if not hasattr(roots, "made"):
        again, made = Log().tree, [EMPTY_ROOT]
        for at in range(300):
            again.append(LOG.get(0, at))
            made.append(again.root())
        roots.made = made  # type: ignore[attr-defined]
    found: list[bytes] = roots.made  # type: ignore[attr-defined]
    return found


def ask(witness: Witness, old: int, new: int, note: Note | None = None) -> str:
    return witness.add_checkpoint(format_request(old, consistency_proof(old, new, LOG), note or checkpoint(new)), NOW)


def refusal(witness: Witness, body: bytes) -> tuple[int, str]:
    with pytest.raises(Refused) as caught:
        witness.add_checkpoint(body, NOW)
    return caught.value.status, caught.value.reason


@pytest.fixture(params=["memory", "file"])
def witness(request: pytest.FixtureRequest, tmp_path: Path) -> Witness:
    state: WitnessState = MemoryState() if request.param == "memory" else FileState(tmp_path)
    return Witness(WITNESS_KEYS[0], {ORIGIN: (LOG_KEY.verifier,)}, state)


def test_cosigns_a_growing_log(witness: Witness) -> None:
    for old, new in [(0, 0), (0, 5), (5, 5), (5, 256), (256, 300)]:
        line = ask(witness, old, new)
        note = parse_note(str(checkpoint(new)) + line)
        good = verified(note, [LOG_KEY.verifier, WITNESS_KEYS[0].verifier])
        assert good[WITNESS_KEYS[0].verifier].time == NOW
    held = witness.latest(sha256(ORIGIN.encode()).hexdigest())
    assert held is not None
    assert parse_checkpoint(parse_note(held).text).size == 300


def test_answers_what_the_text_prescribes(witness: Witness) -> None:
    ask(witness, 0, 100)
    proof = consistency_proof(100, 200, LOG)
    bad = Note(checkpoint(200).text, (Signature(ORIGIN, LOG_KEY.verifier.key_id, bytes(64)),))
    stranger = SigningKey.generate("unknown.example")
    assert refusal(witness, b"nonsense")[0] == 400
    assert refusal(witness, format_request(100, [b"short"], checkpoint(200)))[0] == 400
    assert refusal(witness, format_request(100, [EMPTY_ROOT] * 64, checkpoint(200)))[0] == 400
    assert refusal(witness, format_request(201, proof, checkpoint(200)))[0] == 400
    assert refusal(witness, format_request(100, proof, checkpoint(200)).replace(b"old 100", b"old 0100"))[0] == 400
    assert refusal(witness, format_request(0, [], checkpoint(9, stranger, stranger.name)))[0] == 404
    assert refusal(witness, format_request(100, proof, bad))[0] == 403
    assert refusal(witness, format_request(100, proof, checkpoint(200, SigningKey.generate(ORIGIN))))[0] == 403
    assert refusal(witness, format_request(0, [], checkpoint(200))) == (409, "100\n")
    assert refusal(witness, format_request(100, proof[1:], checkpoint(200)))[0] == 422
    assert refusal(witness, format_request(100, [], checkpoint(100, root=b"x" * 32)))[0] == 422
    assert refusal(witness, format_request(100, proof, checkpoint(200, root=b"x" * 32)))[0] == 422
    assert ask(witness, 100, 200)


def test_refuses_proofs_and_roots_for_an_empty_tree(witness: Witness) -> None:
    assert refusal(witness, format_request(0, [], checkpoint(0, root=b"x" * 32)))[0] == 422
    assert refusal(witness, format_request(0, [EMPTY_ROOT], checkpoint(5)))[0] == 422


def test_two_requests_at_once_never_roll_the_log_back(witness: Witness) -> None:
    ask(witness, 0, 10)

    def attempt(size: int) -> int | None:
        try:
            ask(witness, 10, size)
        except Refused:
            return None
        return size

    with ThreadPoolExecutor(16) as pool:
        cosigned = [size for size in pool.map(attempt, range(11, 111)) if size]
    held = witness.state.read(ORIGIN)
    assert held is not None
    assert cosigned == [held.size]


def test_a_fork_is_refused_after_a_restart(tmp_path: Path) -> None:
    logs = {ORIGIN: (LOG_KEY.verifier,)}
    ask(Witness(WITNESS_KEYS[0], logs, FileState(tmp_path)), 0, 100)
    fork = make_log(4, 200, manifests=False)
    body = format_request(100, consistency_proof(100, 200, fork), fork.checkpoint())
    assert refusal(Witness(WITNESS_KEYS[0], logs, FileState(tmp_path)), body)[0] == 422


def test_answers_over_http(tmp_path: Path) -> None:
    (tmp_path / "logs.txt").write_text(f"# followed\n{LOG_KEY.verifier}\n")
    key = read_key(tmp_path / "key", "w.example")
    assert read_key(tmp_path / "key", "w.example").verifier == key.verifier
    assert (tmp_path / "key").stat().st_mode & 0o777 == 0o600
    witness = Witness(key, read_logs(tmp_path / "logs.txt"), FileState(tmp_path / "state"))
    client = TestClient(create_app(witness, lambda: NOW))
    path = f"/{sha256(ORIGIN.encode()).hexdigest()}/checkpoint"
    assert client.get(path).status_code == 404
    done = client.post("/add-checkpoint", content=format_request(0, [], checkpoint(100)))
    assert (done.status_code, done.text[:2]) == (200, "— ")
    late = client.post("/add-checkpoint", content=format_request(0, [], checkpoint(100)))
    assert (late.status_code, late.text, late.headers["content-type"]) == (409, "100\n", "text/x.tlog.size")
    assert client.post("/add-checkpoint", content=b"x" * 300_000).status_code == 413
    assert parse_note(client.get(path).text).text == checkpoint(100).text
