"""The contract's "Processes and addresses" and "Commands": what each process serves, and what each command says."""

import asyncio
import json
import logging
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from libs.runtime.settings import PROCESSES
from libs.runtime.telemetry import Discreet
from nrm.system import System
from tests.journeys.contract import SMALL, assert_problem, opened, send

NRM = Path(sys.executable).with_name("nrm")
SERVED = [process for process in PROCESSES if process != "relay"]
POLICE = ("cnp-poipet", "first_responder")


@pytest.mark.parametrize("process", PROCESSES)
async def test_every_process_tells_of_its_health_and_serves_its_documents(speak: Any, process: str) -> None:
    caller = speak(*POLICE)
    base = caller.settings.url(process)
    pages = ["/health/live", "/health/ready", "/metrics"] + (["/openapi.json", "/docs"] if process in SERVED else [])
    for page in pages:
        answer = await caller.client.get(base + page)
        assert answer.status_code == 200, (process, page, answer.text)
        if page == "/docs":
            assert not re.search(r"https?://(?!127\.0\.0\.1)", answer.text)
        if page == "/metrics":
            assert not re.search(r"KH-[0-9A-Z]{4}-[0-9A-Z]{4}", answer.text)


async def test_the_documents_name_every_body(speak: Any) -> None:
    caller = speak(*POLICE)
    document = (await caller.client.get(caller.settings.url("identification") + "/openapi.json")).json()
    schemas = document["components"]["schemas"]
    content = document["paths"]["/v1/cases"]["post"]["requestBody"]["content"]["application/json"]
    assert set(SMALL) <= set(schemas[content["schema"]["$ref"].rpartition("/")[2]]["properties"])


async def test_the_index_names_every_service_with_its_version(speak: Any) -> None:
    caller = speak(*POLICE)
    index = (await caller.client.get(caller.settings.url("portal") + "/.well-known/opennrm")).json()
    assert set(index["services"]) == set(SERVED)
    for service in index["services"].values():
        assert all(service[name] for name in ("base_url", "openapi_url", "version"))
    assert all(index[part]["kind"] for part in ("broker", "database"))


async def test_a_view_waits_for_what_was_written_and_says_when_it_cannot(speak: Any) -> None:
    case, authority = await opened(speak(*POLICE)), speak("nrm-authority", "competent_authority")
    base = authority.settings.url("views")
    views = ("shelter-capacity", "shelter-capacity/gaps", "court-outcomes", "court-outcomes/funnel", "cross-border")
    for view in [f"/v1/views/{name}" for name in views] + ["/v1/statistics"]:
        assert (await authority.get("views", view, seen=f"case:{case}:1")).status_code == 200, view
    headers = authority._headers()  # noqa: SLF001 - `get` would wait
    late = await authority.client.get(f"{base}/v1/views/court-outcomes?seen=case:{case}:9", headers=headers)
    assert_problem(late, 503, "not-yet-seen")
    assert late.headers["retry-after"]
    for moment in ("0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00", "yesterday"):
        assert_problem(await authority.get("views", "/v1/views/shelter-capacity", at=moment), 422)


async def _nrm(system: System, *arguments: str) -> tuple[int, str, str]:
    settings = system.settings
    environment = {
        **os.environ,
        "NRM_DATA_DIR": str(settings.data_dir),
        "NRM_DATABASE_URL": settings.database_url,
        "NRM_KAFKA_BOOTSTRAP_SERVERS": settings.kafka_bootstrap_servers,
        "NRM_TOPIC_PREFIX": settings.topic_prefix,
        "NRM_PORT_BASE": str(settings.port_base),
    }
    done = await asyncio.to_thread(
        subprocess.run, [NRM, *arguments], env=environment, capture_output=True, text=True, timeout=60, check=False
    )
    return done.returncode, done.stdout, done.stderr


async def test_the_command_line_answers_and_exits_as_promised(speak: Any, system: System, tmp_path: Path) -> None:
    case = await opened(speak(*POLICE))
    code, out, _ = await _nrm(system, "token", "--org", "cnp-poipet", "--role", "first_responder")
    answer = await send(speak(*POLICE), "/v1/cases", SMALL, Authorization=f"Bearer {out.splitlines()[-1]}")
    assert (code, answer.status_code) == (0, 201)
    code, out, _ = await _nrm(system, "token", "--org", "mosvy", "--role", "social_affairs", "--json")
    assert (code, set(json.loads(out))) == (0, {"token", "org", "roles", "ttl_s"})
    for wrong in (("--org", "Bad Org", "--role", "justice"), ("--org", "a", "--role", "king"), ()):
        assert (await _nrm(system, "token", *wrong))[0] == 2
    code, out, _ = await _nrm(system, "history", case, "--json")
    assert (code, len(json.loads(out)["events"])) == (0, 1)
    assert (await _nrm(system, "history", "KH-0000-0001"))[0] == 2
    assert (await _nrm(system, "corridors", "check", "--json"))[0] == 0
    assert (await _nrm(system, "verify", str(tmp_path / "none")))[0] == 2
    assert (await _nrm(system, "rebuild", "no-such-view"))[0] == 2
    code, out, _ = await _nrm(system, "rebuild", "court-outcomes", "--json")
    assert code == 0
    assert json.loads(out)["equal"], "standard output holds the answer and nothing else"


async def test_a_changed_export_is_named(speak: Any, system: System, tmp_path: Path) -> None:
    await opened(speak(*POLICE))
    assert (await _nrm(system, "export", "--out", str(tmp_path)))[0] == 0
    assert {"events.ndjson", "checkpoint.txt", "proofs.ndjson", "key.txt"} <= {file.name for file in tmp_path.iterdir()}
    code, out, _ = await _nrm(system, "verify", str(tmp_path))
    assert (code, bool(re.fullmatch(r"OK \d+ events\n", out))) == (0, True)
    file = tmp_path / "events.ndjson"
    lines = file.read_text(encoding="utf-8").splitlines(keepends=True)
    event = json.loads(lines[0])
    file.write_text(lines[0].replace(event["organisation"], "somebody-else") + "".join(lines[1:]), encoding="utf-8")
    code, out, _ = await _nrm(system, "verify", str(tmp_path))
    assert (code, out.startswith(f"BAD {event['id']}: ")) == (1, True)


async def test_commands_say_plainly_that_nothing_runs(tmp_path: Path) -> None:
    bare = {name: value for name, value in os.environ.items() if not name.startswith("NRM_")}
    commands = (
        "dead-letters",
        "migrate",
        "reconcile",
        "rewrap",
        "rebuild court-outcomes",
        f"export --out {tmp_path}/out",
    )
    for command in commands:
        done = await asyncio.to_thread(
            subprocess.run, [NRM, *command.split()], env={**bare, "NRM_DATA_DIR": str(tmp_path)},
            capture_output=True, text=True, timeout=60, check=False,
        )  # fmt: skip
        assert done.returncode == 2
        assert "nothing runs here" in done.stderr
        assert "Traceback" not in done.stderr


def test_a_logged_exception_says_its_type_and_never_its_message() -> None:
    try:
        int("SECRETNAME" * 2)
    except ValueError:
        record = logging.LogRecord("uvicorn.error", logging.ERROR, __file__, 1, "failed", (), sys.exc_info())
    said = Discreet("%(message)s").format(record)
    assert "ValueError" in said
    assert "test_contract_processes" in said
    assert "SECRETNAMESECRETNAME" not in said
