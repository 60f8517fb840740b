"""Our checkpoints, cosignatures and proofs are read by Go's sumdb and by transparency-dev, who never saw our code."""

import base64
import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from libs.transparency.bundle import CHECKPOINT, Scope
from libs.transparency.canonical import leaf_data
from libs.transparency.merkle import consistency_proof, inclusion_proof, range_root
from libs.transparency.note import Note, parse_note
from tests.transparency_kit import LOG_KEY, WITNESS_KEYS, Log, export, make_log

pytestmark = [pytest.mark.thirdparty, pytest.mark.timeout(300)]


@pytest.fixture(scope="module")
def tlogcheck(tmp_path_factory: pytest.TempPathFactory) -> Path:
    program = tmp_path_factory.mktemp("tlogcheck") / "tlogcheck"
    command = ["go", "build", "-mod=readonly", "-o", str(program), "."]
    subprocess.run(command, cwd=Path(__file__).parent / "tlogcheck", check=True)
    return program


def b64(raw: bytes) -> str:
    return base64.b64encode(raw).decode()


def request(log: Log, folder: Path) -> dict[str, Any]:
    export(log, folder, Scope())
    note, size = parse_note((folder / CHECKPOINT).read_bytes()), len(log.envelopes)
    cosigned = Note(note.text, (*note.signatures, *[key.sign(note.text, 1_700_000_000) for key in WITNESS_KEYS]))
    indices = sorted({0, 1, 255, 256, size // 2, size - 1})
    return {
        "Checkpoint": b64(str(cosigned).encode()),
        "Log": str(LOG_KEY.verifier),
        "Witnesses": [str(key.verifier) for key in WITNESS_KEYS],
        "Records": [
            {
                "Index": at,
                "Data": b64(leaf_data(log.envelopes[at])),
                "Proof": [b64(part) for part in inclusion_proof(at, size, log)],
            }
            for at in indices
        ],
        "Earlier": [
            {
                "Size": old,
                "Root": b64(range_root(0, old, log)),
                "Proof": [b64(part) for part in consistency_proof(old, size, log)],
            }
            for old in (1, 2, 255, 256, 257, size - 1, size)
        ],
    }


def ask(program: Path, asked: dict[str, Any]) -> subprocess.CompletedProcess[str]:
    return subprocess.run([program], input=json.dumps(asked), capture_output=True, text=True, check=False)


def test_others_accept_our_log(tlogcheck: Path, tmp_path: Path) -> None:
    done = ask(tlogcheck, request(make_log(7, 1000), tmp_path))
    assert (done.stdout, done.stderr) == ("ok\n", "")


def test_others_refuse_what_we_refuse(tlogcheck: Path, tmp_path: Path) -> None:
    asked = request(make_log(7, 1000), tmp_path)
    asked["Records"][2]["Index"] += 1
    assert "tlog.CheckRecord" in ask(tlogcheck, asked).stderr
    asked = request(make_log(7, 1000), tmp_path)
    asked["Earlier"][3]["Root"] = b64(bytes(32))
    assert "tlog.CheckTree" in ask(tlogcheck, asked).stderr
    asked = request(make_log(7, 1000), tmp_path)
    asked["Checkpoint"] = b64(base64.b64decode(asked["Checkpoint"]).replace(b"\n1", b"\n2", 1))
    assert "note.Open" in ask(tlogcheck, asked).stderr
