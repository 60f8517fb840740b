"""Tells: records each notice once, and sends it to the webhooks of whom it is for, in order, until it is taken.

One process does, the one whose session holds the lock; every write goes over that session, so that who has lost the
lock writes nothing. Where a machine dies between a receiver's answer and its record, the same notice is sent again
under the same `webhook-id`.
"""

import asyncio
from collections.abc import Mapping
from datetime import datetime, timedelta
from http import HTTPStatus
from typing import Any

import asyncpg
import httpx2
import orjson
import structlog
from prometheus_client import Counter

from libs.events.session import AWAY, Patience, leadership
from libs.rules.notices import Delivery
from libs.runtime.ids import now
from libs.runtime.settings import Settings
from nrm.notify.addresses import Unfit, networks, target
from nrm.notify.endpoints import GONE, after_failure, delivered, failed
from nrm.notify.secrets import secret_of, signed
from projections.notifications.queries import look, shown

NAME = "outbound notices"
LOOK_S = 0.5
PAUSE_S_MAX = 5.0
AT_ONCE_MAX = 20
"""Receivers sent to at the same moment; a slow one holds up nobody but itself."""

TOLD = Counter("nrm_notices_told", "Notices recorded for an organisation")
SENT = Counter("nrm_webhook_attempts", "Webhook attempts", ["result"])
log = structlog.get_logger()

_NEXT = """
SELECT e.*, n.position AS notice_position, n.id AS notice_id, n.kind, n.at, n.data
FROM outbound.endpoint e CROSS JOIN LATERAL (
    SELECT * FROM outbound.notice n WHERE n.organisation = e.organisation AND n.position > e.position
    AND (e.kinds IS NULL OR n.kind = ANY(e.kinds)) ORDER BY n.position LIMIT 1
) n WHERE e.disabled_at IS NULL AND e.next_at <= $1 AND e.id <> ALL($2::text[]) ORDER BY e.next_at, e.id LIMIT $3
"""


class Sender:
    """Records and sends while it leads."""

    def __init__(self, settings: Settings, dsn: str, delivery: Delivery) -> None:
        self._settings = settings
        self._dsn = dsn
        self._delivery = delivery
        self._allowed = networks(settings.webhook_allow)
        self._turn = asyncio.Lock()
        self.leading = self.standby = False

    async def run(self) -> None:
        """Tell until cancelled; wait out whatever is away."""
        patience = Patience(PAUSE_S_MAX)
        while True:
            try:
                await self._lead()
            except AWAY as fault:
                log.warning("notices.waiting", fault=type(fault).__name__)
            except Exception as fault:  # noqa: BLE001 - views must go on answering; say it, wait, try again, skip nothing
                log.error("notices.failed", fault=type(fault).__name__)
            self.leading = self.standby = False
            await patience.wait()

    async def _lead(self) -> None:
        async with leadership(self._dsn, NAME, self._stand_by) as connection, _client(self._delivery) as client:
            self.standby, self.leading = False, True
            under_way: dict[str, asyncio.Task[None]] = {}
            try:
                while True:
                    async with self._turn:
                        await self._tell(connection)
                        due = await connection.fetch(_NEXT, now(), list(under_way), AT_ONCE_MAX - len(under_way))
                    for row in due:
                        under_way[row["id"]] = asyncio.create_task(self._send(connection, client, dict(row)))
                    await self._settle(under_way)
            finally:
                for task in under_way.values():
                    task.cancel()
                await asyncio.gather(*under_way.values(), return_exceptions=True)

    @staticmethod
    async def _settle(under_way: dict[str, asyncio.Task[None]]) -> None:
        """Wait until a delivery has ended or it is time to look again; a fault in one ends the leadership."""
        if under_way:
            await asyncio.wait(under_way.values(), timeout=LOOK_S, return_when=asyncio.FIRST_COMPLETED)
        else:
            await asyncio.sleep(LOOK_S)
        for name in [name for name, task in under_way.items() if task.done()]:
            under_way.pop(name).result()

    def _stand_by(self) -> None:
        self.standby = True

    async def _tell(self, connection: asyncpg.Connection) -> None:
        """Record what has arisen; what was looked at and what was told are one transaction."""
        try:
            found = await look(connection, now(), self._delivery)
        except asyncpg.UndefinedTableError:
            return  # the projector, just started, has not laid its tables out yet
        if not found:
            return
        rows = orjson.dumps([row for one in found for row in one.notices]).decode()
        async with connection.transaction():
            TOLD.inc(await connection.fetchval("SELECT outbound.tell($1::jsonb)", rows))
            await connection.executemany(
                "INSERT INTO outbound.looked AS l (subject, version, again) VALUES ($1, $2, $3) ON CONFLICT (subject) "
                "DO UPDATE SET version = excluded.version, again = excluded.again",
                [(one.subject, one.version, one.again) for one in found],
            )

    async def _send(self, connection: asyncpg.Connection, client: httpx2.AsyncClient, row: Mapping[str, Any]) -> None:
        status, result = await self._attempt(client, row)
        taken = HTTPStatus.OK <= status < HTTPStatus.MULTIPLE_CHOICES
        SENT.labels("taken" if taken else "failed").inc()
        async with self._turn:
            if taken:
                await delivered(connection, row, row["notice_position"], result)
                return
            failure = after_failure(
                row["attempts"], row["failing_since"], now(), self._delivery, gone=status == GONE
            )  # fmt: skip
            await failed(connection, row, failure, result)
        log.warning("webhook.failed", endpoint=row["id"], result=result, disabled=failure.disabled_at is not None)

    async def _attempt(self, client: httpx2.AsyncClient, row: Mapping[str, Any]) -> tuple[int, str]:
        """One attempt: the status (0 where there was none) and what to say of it."""
        body, moment = body_of(row), now()
        headers = signed(self._secrets(row, moment), row["notice_id"], moment, body)
        try:
            async with asyncio.timeout(self._delivery.answer_within_s):
                checked = await target(row["url"], self._allowed)
                request = client.build_request(
                    "POST", checked.at_address, content=body.encode(), headers={**headers, "host": checked.url.netloc},
                    extensions={"sni_hostname": checked.url.hostname},
                )  # fmt: skip
                answer = await client.send(request, stream=True)
                await answer.aclose()  # what it says beyond its status is not read
        except Unfit as fault:
            return 0, f"the address {fault}"
        except (httpx2.HTTPError, httpx2.InvalidURL, OSError, ValueError) as fault:  # TimeoutError is an OSError
            return 0, f"no answer ({type(fault).__name__})"
        return answer.status_code, f"answered {answer.status_code}"

    def _secrets(self, row: Mapping[str, Any], moment: datetime) -> list[str]:
        """The secrets that sign now: the current one, and for a while after a rotation the one before."""
        numbers = [row["secret"]]
        if row["rotated_at"] and moment - row["rotated_at"] < self._delivery.secret_overlap:
            numbers.append(row["secret"] - 1)
        return [secret_of(self._settings, row["id"], number) for number in numbers]


def body_of(row: Mapping[str, Any]) -> str:
    """The message: what `GET /v1/notifications` gives for the same position, byte for byte the same at each attempt."""
    notice = {name: row[name] for name in ("kind", "at", "data")}
    said = shown({**notice, "position": row["notice_position"], "id": row["notice_id"]})
    return orjson.dumps(said, option=orjson.OPT_SORT_KEYS).decode()


def _client(delivery: Delivery) -> httpx2.AsyncClient:
    """Follows no redirect (it could lead where no webhook may go), uses no proxy of the machine's environment."""
    return httpx2.AsyncClient(timeout=timedelta(seconds=delivery.answer_within_s).total_seconds(),
                              follow_redirects=False, trust_env=False)  # fmt: skip
