"""`eventsourcing`, the Python library: its PostgreSQL recorder, threads as its users run it, and its way of reading."""

import json
import threading
import time
from collections.abc import Callable
from urllib.parse import urlsplit
from uuid import uuid4

from eventsourcing.persistence import StoredEvent
from eventsourcing.postgres import PostgresApplicationRecorder, PostgresDatastore

TABLE = "peer_events"
PAGE = 1_000


class Peer:
    """Its application recorder on our PostgreSQL, in tables of its own."""

    def __init__(self, url: str, connections: int) -> None:
        parts = urlsplit(url)
        self._datastore = PostgresDatastore(
            dbname=parts.path.lstrip("/"),
            host=parts.hostname or "127.0.0.1",
            port=str(parts.port or 5432),
            user=parts.username or "postgres",
            password=parts.password or "",
            pool_size=connections,
            max_overflow=0,
        )
        self._recorder = PostgresApplicationRecorder(self._datastore, events_table_name=TABLE)
        self._recorder.create_table()

    def appends_per_second(self, body: bytes, clients: int, seconds: float) -> float:
        """One event each to a stream of its own, each a durable transaction, from so many threads."""
        until = time.perf_counter() + seconds
        counts = [0] * clients

        def client(number: int) -> None:
            while time.perf_counter() < until:
                self._recorder.insert_events([StoredEvent(uuid4(), 1, "identified", body)])
                counts[number] += 1

        return _in_threads(client, clients, counts)

    def fill(self, bodies: list[bytes]) -> None:
        """Streams of 50 events, many in a transaction: only the reading is measured."""
        for start in range(0, len(bodies), 50):
            stream = uuid4()
            chunk = bodies[start : start + 50]
            self._recorder.insert_events([StoredEvent(stream, n, "identified", body) for n, body in enumerate(chunk)])

    def reads_per_second(self) -> float:
        """Events per second of reading its log from the beginning and decoding the JSON of each."""
        started, start, count = time.perf_counter(), 1, 0
        while page := self._recorder.select_notifications(start, PAGE):
            for notification in page:
                json.loads(notification.state)
            count += len(page)
            start = page[-1].id + 1
        return count / (time.perf_counter() - started)

    def close(self) -> None:
        """Close its connections."""
        self._datastore.close()


def _in_threads(client: Callable[[int], None], clients: int, counts: list[int]) -> float:
    threads = [threading.Thread(target=client, args=(number,)) for number in range(clients)]
    started = time.perf_counter()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return sum(counts) / (time.perf_counter() - started)
