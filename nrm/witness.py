"""A small witness to run elsewhere than the log: C2SP tlog-witness over HTTP. Start: `python -m nrm.witness --help`."""

import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import typer
import uvicorn
from fastapi import FastAPI, Request, Response
from fastapi.concurrency import run_in_threadpool

from libs.transparency.note import COSIGNATURE_V1, SigningKey, VerifierKey
from libs.transparency.witness import BODY_BYTES_MAX, FileState, Refused, Witness

_OWNER_ONLY = 0o600


def create_app(witness: Witness, now: Callable[[], float] = time.time) -> FastAPI:
    """Build the two endpoints around a witness."""
    app = FastAPI(title="OpenNRM witness", version="1")

    @app.post("/add-checkpoint")
    async def add_checkpoint(request: Request) -> Response:
        """Cosign a checkpoint that extends the last one cosigned."""
        body = b""
        async for chunk in request.stream():
            body += chunk
            if len(body) > BODY_BYTES_MAX:
                return Response("the request is too long\n", 413, media_type="text/plain")
        try:
            line = await run_in_threadpool(witness.add_checkpoint, body, int(now()))
        except Refused as refused:
            return Response(refused.reason, refused.status, {"Content-Type": refused.media_type})
        return Response(line, media_type="text/plain")

    @app.get("/{origin_hash}/checkpoint")
    def checkpoint(origin_hash: str) -> Response:
        """Give the latest cosigned checkpoint of a log, by the SHA-256 of its origin."""
        note = witness.latest(origin_hash)
        if note is None:
            return Response("no checkpoint of this log was cosigned\n", 404, media_type="text/plain")
        return Response(note, media_type="text/plain")

    return app


def read_logs(file: Path) -> dict[str, tuple[VerifierKey, ...]]:
    """Read the followed logs: a verifier key a line; a log in key rotation has two."""
    logs: dict[str, tuple[VerifierKey, ...]] = {}
    for line in file.read_text(encoding="utf-8").splitlines():
        if line.strip() and not line.startswith("#"):
            key = VerifierKey.parse(line)
            logs[key.name] = (*logs.get(key.name, ()), key)
    return logs


def read_key(file: Path, name: str) -> SigningKey:
    """Take up the witness's key, or make it on the first start, readable by its owner only."""
    if not file.exists():
        key = SigningKey.generate(name, COSIGNATURE_V1)
        with os.fdopen(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, _OWNER_ONLY), "w") as out:
            out.write(key.secret() + "\n")
    return SigningKey.parse(file.read_text(encoding="utf-8"))


def run(
    name: Annotated[
        str, typer.Option(help="The witness's name, e.g. witness.example.org/w1.", envvar="NRM_WITNESS_NAME")
    ],
    logs: Annotated[Path, typer.Option(help="File of the followed logs' verifier keys.", envvar="NRM_WITNESS_LOGS")],
    folder: Annotated[Path, typer.Option(help="Where key and memory are kept.", envvar="NRM_WITNESS_FOLDER")],
    host: Annotated[str, typer.Option(envvar="NRM_WITNESS_HOST")] = "127.0.0.1",
    port: Annotated[int, typer.Option(envvar="NRM_WITNESS_PORT")] = 8090,
) -> None:
    """Run a witness until it is stopped."""
    folder.mkdir(parents=True, exist_ok=True)
    key = read_key(folder / "key", name)
    typer.echo(f"witness {key.verifier}")
    witness = Witness(key, read_logs(logs), FileState(folder / "logs"))
    uvicorn.run(create_app(witness), host=host, port=port, log_level="warning")


if __name__ == "__main__":
    typer.run(run)
