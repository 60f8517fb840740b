"""Five times what it can take: what is served meanwhile, and whether it is right."""

import asyncio
import time
from collections import Counter
from dataclasses import dataclass, field

import orjson

from libs.runtime.auth import mint
from libs.runtime.settings import Settings
from tests.faults.load import CASE, POLICE, Request, Speaker
from tests.faults.scenes import Outcome

TIMES = 5
SERVED_LEAST = 0.8
BEST_CONNECTIONS = 32
CONNECTIONS = 640


@dataclass
class Line:
    """A kept connection that posts intakes as cheaply as Python can: the generator must not be what is slow."""

    settings: Settings
    token: str
    reader: asyncio.StreamReader | None = None
    writer: asyncio.StreamWriter | None = None
    told: set[str] = field(default_factory=set)

    async def ask(self, request: Request) -> int:
        """The status, 0 where the connection broke."""
        body = orjson.dumps(request.body)
        head = (
            f"POST {request.path} HTTP/1.1\r\nHost: nrm\r\nAuthorization: Bearer {self.token}\r\n"
            f"Idempotency-Key: {request.key}\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
        )
        request.asked_at = time.monotonic()
        try:
            if self.reader is None or self.writer is None:
                port = self.settings.port(request.service)
                self.reader, self.writer = await asyncio.open_connection("127.0.0.1", port)
            self.writer.write(head.encode() + body)
            status, request.content = await self._answer(self.reader)
        except (OSError, asyncio.IncompleteReadError):
            self.reader = None
            request.answers.append("broken")
            return 0
        request.done_at = time.monotonic()
        request.answers.append(str(status))
        if status not in (429, 503):
            request.status = status
        return status

    async def _answer(self, reader: asyncio.StreamReader) -> tuple[int, bytes]:
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").lower()
        status = int(head.split(" ", 2)[1])
        length = next(line for line in head.split("\r\n") if line.startswith("content-length:"))
        if status in (429, 503) and "\r\nretry-after:" not in head:
            self.told.add(f"{status} without Retry-After")
        return status, await reader.readexactly(int(length.partition(":")[2]))


async def overload(outcome: Outcome, seconds: float) -> float:
    """The served rate at five times the best, as a share of the best."""
    settings = outcome.killer.system.settings
    speaker = Speaker(settings, outcome.speaker.client, outcome.killer.rng)
    lines = [Line(settings, mint(settings, *POLICE, 3600)) for _ in range(CONNECTIONS)]
    best = (await _closed(speaker, lines[:BEST_CONNECTIONS], seconds))[201] / seconds
    answers, unsent = await _open(speaker, lines, seconds, best * TIMES)
    served = answers[201] / seconds
    said = ", ".join(f"{count} x {status or 'broken'}" for status, count in sorted(answers.items()))
    outcome.note(
        f"overload: best {best:.0f}/s; offered {TIMES} times that for {seconds:g} s: served {served / best:.0%} of the "
        f"best; {said}; {unsent} were not even sent"
    )
    outcome.lost += sorted({told for line in lines for told in line.told})
    outcome.lost += [f"overload answered {status}" for status in answers if status not in (201, 429, 503)]
    outcome.speaker.requests += [request for request in speaker.requests if request.answers]
    for line in lines:
        if line.writer:
            line.writer.close()
    # What was refused is asked again with its key, as any client does, and is then there once.
    refused = [request for request in speaker.requests if request.answers and not request.status]
    for start in range(0, len(refused), 20):
        await asyncio.gather(*(outcome.speaker.until_answered(one) for one in refused[start : start + 20]))
    return served / best


def _intake(speaker: Speaker) -> Request:
    return speaker.new("identification", "/v1/cases", CASE, POLICE)


async def _closed(speaker: Speaker, lines: list[Line], seconds: float) -> Counter[int]:
    answers: Counter[int] = Counter()
    until = time.monotonic() + seconds

    async def ask(line: Line) -> None:
        while time.monotonic() < until:
            answers[await line.ask(_intake(speaker))] += 1

    await asyncio.gather(*map(ask, lines))
    return answers


async def _open(speaker: Speaker, lines: list[Line], seconds: float, rate: float) -> tuple[Counter[int], int]:
    """Requests come at their rate whether or not the ones before are answered. Answers in time, and the unsent."""
    answers: Counter[int] = Counter()
    waiting: asyncio.Queue[Request] = asyncio.Queue()
    started = time.monotonic()

    async def ask(line: Line) -> None:
        while True:
            status = await line.ask(await waiting.get())
            waiting.task_done()
            if time.monotonic() - started < seconds:
                answers[status] += 1

    tasks = [asyncio.create_task(ask(line)) for line in lines]
    sent = 0
    while (passed := time.monotonic() - started) < seconds:
        while sent < passed * rate:
            waiting.put_nowait(_intake(speaker))
            sent += 1
        await asyncio.sleep(0.005)
    unsent = waiting.qsize()
    while not waiting.empty():
        waiting.get_nowait()
        waiting.task_done()
    await waiting.join()  # those under way are answered: what is proved next must stand still
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    return answers, unsent
