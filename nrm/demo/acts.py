"""What the counts do not show, done over HTTP before the reader's eyes: each act says in a line what came of it.

An act that finds anything else than it must raises `Unlike`. Every act may be played again on the same register: its
requests keep their keys, and nothing that is counted changes.
"""

import asyncio
import base64
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final
from uuid import NAMESPACE_URL, uuid5

import httpx2
import orjson
from joserfc import jws
from joserfc.errors import JoseError
from joserfc.jwk import KeySet
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from libs.rules.corridors import FOLDER, Change, diff, load_checked
from nrm.demo.histories import Name
from nrm.demo.player import UNAVAILABLE, Mint, Performance, Url

DESK: Final = ("vn-embassy-phnom-penh", "embassy_desk")
MOSVY: Final = ("mosvy", "social_affairs")
OFFICER: Final = ("cnp-bavet", "first_responder")
JUSTICE: Final = ("moj-criminal-affairs", "justice")
RETURN: Final = Name("26-vn-woman-running", "return")
CASE: Final = Name("26-vn-woman-running", "case")
TRIAL: Final = Name("11-karaoke-girl-of-sixteen", "trial")
COURT: Final = "ratanakiri-court"
WHEN: Final = "2026-09-01T09:00:00+07:00"
WAIT_S_MAX: Final = 60.0
REQUEST_S_MAX: Final = 30.0
PAUSE_S: Final = 0.25
REFUSED: Final = 400


class Unlike(Exception):
    """An act found something else than it must."""


class Register:
    """The register as an act asks it: who asks, where, and again where the answer is `not now`."""

    def __init__(self, client: httpx2.AsyncClient, url: Url, mint: Mint, performance: Performance) -> None:
        self.client, self.url, self._mint = client, url, mint
        self._saved = performance.saved

    def made(self, name: Name) -> str:
        """The id of what a history made."""
        return self._saved[name].made_id

    def organisation(self, name: Name) -> str:
        """The organisation that was registered under a name."""
        return str(self._saved[name].answer["organisation"])

    def headers(self, who: tuple[str, str], key: str = "") -> dict[str, str]:
        """A bearer token, and the key that makes a request safe to repeat."""
        named = {"Idempotency-Key": str(uuid5(NAMESPACE_URL, f"urn:opennrm:demo:act:{key}"))} if key else {}
        return {"Authorization": f"Bearer {self._mint(*who)}", **named}

    async def get(self, who: tuple[str, str], process: str, path: str, **query: str) -> httpx2.Response:
        """A read that went well."""
        return await self._asked("GET", process, path, headers=self.headers(who), params=query)

    async def post(
        self, who: tuple[str, str], process: str, path: str, body: object, key: str, kind: str = "application/json"
    ) -> httpx2.Response:
        """A write under a key of the demonstration's own."""
        headers = {**self.headers(who, key), "Content-Type": kind}
        return await self._asked("POST", process, path, headers=headers, content=orjson.dumps(body))

    async def _asked(self, method: str, process: str, path: str, **how: Any) -> httpx2.Response:  # noqa: ANN401 - the client's own
        until = time.monotonic() + WAIT_S_MAX
        while True:
            try:
                answer = await self.client.request(method, self.url(process) + path, timeout=REQUEST_S_MAX, **how)
            except httpx2.TransportError:
                if time.monotonic() > until:
                    raise
            else:
                if answer.status_code != UNAVAILABLE or time.monotonic() > until:
                    return _well(answer)
            await asyncio.sleep(PAUSE_S)


async def justice(register: Register) -> str:
    """A charge that was amended, evidence with its chain, the warnings with their reasons."""
    trial = (await register.get(JUSTICE, "justice", f"/v1/court-cases/{register.made(TRIAL)}")).json()
    (book,) = trial["evidence"]
    counts = {one["accused_ref"]: one["counts"] for one in trial["charges"]}
    counted = (await register.get(JUSTICE, "justice", "/v1/warnings/totals")).json()["totals"]
    require("the charge that was amended, and the other", counts, {"m1": 2, "m2": 1})
    require("a chain of custody", book["chain"], "broken")
    require("warnings", sorted({"broken-chain-of-custody", "non-prosecution"} - counted.keys()), [])
    warned = ", ".join(f"{n} {code}" for code, n in counted.items())
    return f"a charge amended to two counts; evidence with a broken chain; warnings: {warned}"


async def corridors(register: Register) -> str:
    """The procedures as data, what of them nobody has confirmed, and what a new version would change."""
    heads = (await register.get(MOSVY, "repatriation", "/v1/corridors")).json()["items"]
    whole = (await register.get(MOSVY, "repatriation", "/v1/corridors/KH-VN")).json()
    limits = [step["time_limit"] for step in whole["steps"] if step["time_limit"]]
    unconfirmed = sum(limit["placeholder"] for limit in limits)
    require("KH-VN's sourced limits", len(limits) - unconfirmed > 0, True)  # noqa: FBT003 - what is expected
    changes = "; ".join(map(str, _changes()))
    require("the changes of a new version", "15 working days" in changes, True)  # noqa: FBT003 - what is expected
    kept = f"{len(limits)} limits, {unconfirmed} of them placeholders and shown as such"
    return f"{len(heads)} corridors; KH-VN: {kept}; a version 2 would change: {changes}"


def _changes() -> tuple[Change, ...]:
    """As `nrm corridors diff` tells them: a copy of a procedure in which one limit is shorter."""
    old = FOLDER / "KH-VN.v1.yaml"
    with TemporaryDirectory() as folder:
        new = Path(folder) / "KH-VN.v2.yaml"
        text = old.read_text(encoding="utf-8").replace("version: 1\n", "version: 2\n", 1)
        new.write_text(text.replace("{days: 20, kind: working", "{days: 15, kind: working", 1), encoding="utf-8")
        return diff(load_checked(old), load_checked(new))


async def inbox(register: Register) -> str:
    """A desk's batch: one that holds, one that comes too early, one that cannot be; sent again it changes nothing."""
    case = register.made(CASE)
    events = [
        _event(case, "a", "acknowledged", step="notified"),
        _event(case, "b", "handed_over", by="mosvy"),
        _event(case, "c", "flown_home"),
    ]
    kind = "application/cloudevents-batch+json"
    answers = [
        (await register.post(DESK, "repatriation", "/v1/inbox", events, "inbox", kind)).json()["results"]
        for _ in range(2)
    ]
    first, again = ([one["status"] for one in answer] for answer in answers)
    require("the batch", first, ["accepted", "waiting", "refused"])
    require("the batch sent again", again, first)
    missing = ", ".join(answers[0][1]["missing"])
    return f"of three events of a desk: {', '.join(first)} (missing: {missing}); sent again: the same"


async def timeline(register: Register) -> str:
    """Who keeps whom waiting: one return against its limits, and the overdue by who is responsible."""
    body = (await register.get(MOSVY, "views", "/v1/views/cross-border", limit="500")).json()
    mine = next(one for one in body["items"] if one["repatriation_id"] == register.made(RETURN))
    require("the return", (mine["status"], bool(mine["overdue_steps"])), ("running", True))
    by = ", ".join(f"{party} {count}" for party, count in body["totals"]["all"]["overdue_by_party"].items())
    late = ", ".join(mine["overdue_steps"])
    return f"{mine['corridor']}: waits for {mine['waiting_for']['party']}, overdue {late}; overdue steps by party: {by}"


async def past(register: Register) -> str:
    """Both views as at an earlier moment: what had happened by then, and nothing of what came later."""
    path, query = "/v1/views/court-outcomes", {"group_by": "court", "from": "2024-01-01", "court": COURT}
    courts, returns = [], []
    for when in ({"at": "2025-01-01T00:00:00Z"}, {}):
        (row,) = (await register.get(JUSTICE, "views", path, **query, **when)).json()["items"]
        courts.append(row["convicted"])
    for when in ({"at": "2026-08-20T00:00:00Z"}, {}):
        items = (await register.get(MOSVY, "views", "/v1/views/cross-border", limit="500", **when)).json()["items"]
        mine = next(one for one in items if one["repatriation_id"] == register.made(RETURN))
        returns.append(sum(step["outcome"] is not None for step in mine["steps"]))
    require("convictions then and now", courts, [0, 1])
    require("steps of the return then, fewer than now", returns[0] < returns[1], True)  # noqa: FBT003 - what is expected
    return (
        f"{COURT}: {courts[0]} convicted as at 2025-01-01, {courts[1]} now; the return: {returns[0]} step recorded "
        f"as at 2026-08-20, {returns[1]} now"
    )


async def handover(register: Register) -> str:
    """The file that goes with the person: signed, printed, and checked by its code by somebody else."""
    path = f"/v1/repatriations/{register.made(RETURN)}/handover-file"
    whole = (await register.get(DESK, "repatriation", path)).json()
    printed = (await register.get(DESK, "repatriation", path, format="pdf")).content
    code, keys = whole["file"]["code"], await register.get(DESK, "repatriation", "/.well-known/jwks.json")
    require("the paper", printed[:5], b"%PDF-")
    require("the signature", _signed(whole, keys.json()), True)  # noqa: FBT003 - what is expected
    said = (await register.get(OFFICER, "repatriation", f"/v1/handover-files/{code.lower()}")).json()
    require("the code", (said["status"], said["digest"]), ("valid", whole["digest"]))
    languages = " and ".join(whole["file"]["text"])
    paper = f"{code} in {languages}, PDF of {len(printed) // 1024} KB"
    return f"{paper}, its signature holds; an officer's check of the code: {said['status']}"


ACTS: Final[tuple[tuple[str, Callable[[Register], Awaitable[str]]], ...]] = (
    ("Justice", justice),
    ("Procedures", corridors),
    ("Embassy desk", inbox),
    ("Cross-border", timeline),
    ("As at another day", past),
    ("Hand-over file", handover),
)


async def show(
    register: Register, console: Console, more: tuple[tuple[str, Callable[[Register], Awaitable[str]]], ...] = ()
) -> list[str]:
    """Play every act and print what each says; what was unlike is given back."""
    table, wrong = Table(title="Shown over HTTP", title_justify="left", show_header=False), []
    for title, act in (*ACTS, *more):
        try:
            said = await act(register)
        except (Unlike, KeyError, ValueError, StopIteration, TimeoutError, httpx2.HTTPError) as fault:
            said = f"NOT AS IT MUST BE: {fault}"
            wrong.append(f"{title}: {fault}")
        table.add_row(title, escape(said))
    console.print(table)
    return wrong


def require(what: str, found: object, expected: object) -> None:
    """Raise Unlike where the two differ."""
    if found != expected:
        raise Unlike(f"{what}: {found!r} instead of {expected!r}")


def _well(answer: httpx2.Response) -> httpx2.Response:
    if answer.status_code >= REFUSED:
        raise Unlike(f"{answer.request.url.path} answered {answer.status_code}: {answer.text[:200]}")
    return answer


def _signed(whole: dict[str, Any], keys: Any) -> bool:  # noqa: ANN401 - a key set as it was answered
    """Whether the detached signature holds for the file (RFC 7515, appendix F)."""
    head, _, signature = whole["signature"].split(".")
    canonical = orjson.dumps(whole["file"], option=orjson.OPT_SORT_KEYS)
    payload = base64.urlsafe_b64encode(canonical).decode().rstrip("=")
    try:
        jws.deserialize_compact(f"{head}.{payload}.{signature}", KeySet.import_key_set(keys), algorithms=["Ed25519"])
    except JoseError:
        return False
    return True


def _event(case: str, name: str, kind: str, **data: str) -> dict[str, object]:
    return {
        "specversion": "1.0", "id": f"demo-{case}-{name}", "source": "/desks/phnom-penh", "subject": case,
        "time": WHEN, "type": f"org.opennrm.repatriation.{kind}.v1", "data": data,
    }  # fmt: skip
