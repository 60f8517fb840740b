"""The receiver that docs/embassy-desk.md shows, run as it stands there."""

import asyncio
import os
import socket
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path
from urllib.error import HTTPError
from urllib.request import Request, urlopen

from libs.runtime.settings import Settings
from nrm.notify.secrets import secret_of, signed
from nrm.notify.sender import body_of

EXAMPLE = Path(__file__).parents[2] / "examples" / "receive_webhook.py"


def post(port: int, body: str, headers: dict[str, str]) -> int:
    request = Request(f"http://127.0.0.1:{port}/", body.encode(), headers)
    try:
        with urlopen(request, timeout=30) as answer:  # noqa: S310 - as above
            return int(answer.status)
    except HTTPError as refused:
        return refused.code


async def test_the_example_takes_what_the_register_signed_and_nothing_else(tmp_path: Path) -> None:
    secret = secret_of(Settings(data_dir=tmp_path), "whk_1", 1)
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    moment = datetime.now(UTC)
    body = body_of({"notice_position": 7, "notice_id": "n", "kind": "repatriation.due", "at": moment, "data": "{}"})
    headers = signed([secret], "n", moment, body)
    environment = {**os.environ, "WEBHOOK_SECRET": secret}
    process = subprocess.Popen([sys.executable, EXAMPLE, str(port)], stdout=subprocess.PIPE, text=True, env=environment)
    try:
        async with asyncio.timeout(60):
            while True:
                try:
                    taken = await asyncio.to_thread(post, port, body, headers)
                except OSError:
                    assert process.poll() is None
                    await asyncio.sleep(0.1)
                    continue
                break
        assert taken == 204
        assert await asyncio.to_thread(post, port, body.replace("7", "8"), headers) == 400
    finally:
        process.terminate()
        said, _ = process.communicate(timeout=30)
    assert said == "7 repatriation.due {}\n"


def test_it_is_short() -> None:
    lines = EXAMPLE.read_text(encoding="utf-8").splitlines()
    code = [line for line in lines if line.strip() and not line.lstrip().startswith(("#", '"""', "import", "from"))]
    assert len(code) <= 15
