"""A case's story: every event of every service on one timeline, in two clocks, each with its proof.

The browser checks the proofs itself (RFC 6962, RFC 8785, C2SP signed notes): the portal only hands them over.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from io import BytesIO
from typing import Annotated, Final
from zipfile import ZIP_DEFLATED, ZipFile

import orjson
from fastapi import APIRouter, Query, Response

from portal.client import Answer, Away, Client, Json, Refused
from portal.visitor import Signed, handed_on, local, short_type

router = APIRouter(include_in_schema=False)
SERVICES: Final = ("identification", "referral", "aftercare", "justice", "repatriation")
WIDTH: Final = 900
LANE: Final = 44
AT_ONCE: Final = 6
HASH: Final = "^[0-9a-f]{64}$"
EXPORT_SAYS: Final = (
    "events.ndjson: every event of the case that you may see, as recorded, personal fields sealed.\n"
    "inclusion.ndjson: for each event its path (RFC 6962) to the root of checkpoint.txt.\n"
    "checkpoint.txt, key.txt: the log's signed statement (C2SP tlog-checkpoint) and the keys that signed it.\n"
    "That these are all events of {case} is not proved by them; the export of those who may see all of it does so.\n"
)


class History(Answer):
    """A case's history."""

    case_id: str
    events: list[dict[str, Json]]
    complete: bool
    withheld: int
    linked_cases: list[str]
    checkpoint: dict[str, Json]


@dataclass(frozen=True, slots=True)
class Told:
    """An event as the page tells it."""

    event: dict[str, Json]
    envelope: str
    service: str
    kind: str
    x: float
    y: int
    data: dict[str, Json]


@router.get("/cases/{case}/story")
async def show(
    visitor: Signed,
    case: str,
    as_of: Annotated[str, Query(max_length=40)] = "",
    known_at: Annotated[str, Query(max_length=40)] = "",
) -> Response:
    """The story. Both cuts are made in the browser at once; without scripts, here."""
    history = await visitor.client.read(
        History, "audit", f"/v1/cases/{case}/history", as_of=_moment(as_of), known_at=_moment(known_at)
    )
    told = _told(history.events)
    return visitor.page(
        "story.html", history=history, told=told, services=SERVICES, width=WIDTH, lane=LANE,
        years=_axis(history.events), happened=sorted({one["occurredat"] for one in history.events}),
        known=sorted({one["time"] for one in history.events}), as_of=as_of, known_at=known_at,
        reason=visitor.client.reason, asks_reason="auditor" in visitor.session.roles,
    )  # fmt: skip


@router.get("/cases/{case}/proof")
async def proof(visitor: Signed, case: str, wanted: Annotated[str, Query(alias="hash", pattern=HASH)]) -> Response:
    """An event's inclusion proof, as the audit service gives it."""
    del case  # the address says which story asks; the log knows hashes only
    found = await visitor.client.get("audit", "/v1/log/proofs/inclusion", hash=wanted)
    return Response(orjson.dumps(found), media_type="application/json", headers={"Cache-Control": "no-store"})


@router.get("/log/key")
async def key(visitor: Signed) -> Response:
    """The log's verifier keys in signed-note form."""
    found = await visitor.client.text("audit", "/v1/log/key")
    return Response(found, media_type="text/plain; charset=utf-8", headers={"Cache-Control": "no-store"})


@router.get("/cases/{case}/export")
async def export(visitor: Signed, case: str) -> Response:
    """The case's events with their proofs, as one file; names stay sealed in it.

    What `nrm verify` checks offline, for those who may see every event; else the events that the caller may see.
    """
    client = visitor.client
    if visitor.may("history.export"):
        return handed_on(await client.ask("GET", "audit", f"/v1/cases/{case}/export"))
    history = await client.read(History, "audit", f"/v1/cases/{case}/history")
    events = [{name: value for name, value in one.items() if name != "personal"} for one in history.events]
    room = asyncio.Semaphore(AT_ONCE)
    proofs = await asyncio.gather(*(_proof(client, room, one["hash"]) for one in events))
    content = BytesIO()
    with ZipFile(content, "w", ZIP_DEFLATED) as bundle:
        bundle.writestr("events.ndjson", _lines(events))
        bundle.writestr("inclusion.ndjson", _lines([one for one in proofs if one]))
        bundle.writestr("checkpoint.txt", await client.text("audit", "/v1/log/checkpoint"))
        bundle.writestr("key.txt", await client.text("audit", "/v1/log/key"))
        bundle.writestr("README.txt", EXPORT_SAYS.format(case=history.case_id))
    headers = {
        "Content-Disposition": f'attachment; filename="{history.case_id}.zip"',
        "Cache-Control": "no-store",
    }
    return Response(content.getvalue(), headers=headers, media_type="application/zip")


async def _proof(client: Client, room: asyncio.Semaphore, hash_: str) -> dict[str, Json] | None:
    """A proof; None where the event is not in a checkpoint yet."""
    async with room:
        try:
            return await client.get("audit", "/v1/log/proofs/inclusion", hash=hash_)
        except (Away, Refused):
            return None


def _lines(values: Sequence[Json]) -> bytes:
    return b"".join(orjson.dumps(one, option=orjson.OPT_SORT_KEYS) + b"\n" for one in values)


def _moment(text: str) -> str:
    """A moment of the address; nothing where it is none."""
    try:
        return text if datetime.fromisoformat(text).tzinfo else ""
    except ValueError:
        return ""


def _told(events: Sequence[dict[str, Json]]) -> list[Told]:
    stamps = [datetime.fromisoformat(one["occurredat"]).timestamp() for one in events]
    first, last = min(stamps, default=0), max(stamps, default=1)
    told = []
    for one, stamp in zip(events, stamps, strict=True):
        service, _, kind = short_type(one["type"]).partition(".")
        envelope = {name: value for name, value in one.items() if name != "personal"}
        data = {name: value for name, value in one["data"].items() if name != "sealed" and value not in (None, [], "")}
        x = round(WIDTH * (stamp - first) / ((last - first) or 1), 1)
        lane = SERVICES.index(service) if service in SERVICES else len(SERVICES)
        told.append(Told(one, orjson.dumps(envelope).decode(), service, kind, x, lane * LANE + LANE // 2, data))
    return told


def _axis(events: Sequence[dict[str, Json]]) -> list[tuple[str, float]]:
    """Six marks of the time axis."""
    if not events:
        return []
    stamps = sorted(datetime.fromisoformat(one["occurredat"]) for one in events)
    step = (stamps[-1] - stamps[0]) / 5
    return [(local((stamps[0] + step * at).isoformat(), "%Y-%m-%d"), WIDTH * at / 5) for at in range(6)]
