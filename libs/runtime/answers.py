"""What a write is answered with: the first time, and every time that the same request comes again."""

from collections.abc import Mapping

from fastapi import Response

from libs.events.event import JSON
from libs.events.handle import Outcome
from libs.events.store import Answer
from libs.runtime.problems import Problem


class Replay(Exception):
    """The request was answered before; `response` is that answer."""

    def __init__(self, response: Response) -> None:
        super().__init__("answered before")
        self.response = response


def written(outcome: Outcome, resource: Mapping[str, JSON]) -> dict[str, JSON]:
    """The answer to a write: the resource, the stream, its version, and the events with their hashes."""
    envelopes = [entry.envelope for entry in outcome.entries]
    return {
        **resource,
        "stream": outcome.stream,
        "version": outcome.version,
        "events": [
            {"id": e.id, "type": e.type, "version": e.streamversion, "hash": e.hash, "stream": e.stream}
            for e in envelopes
        ],
    }


def replayed(answer: Answer, fingerprint: bytes) -> Response:
    """The first answer again. Raises 422 where the key was used for another request."""
    if answer.request != fingerprint:
        raise Problem(422, "idempotency-key-reused", "this key was used for another request; take a new one")
    response = answered(answer)
    response.headers["Idempotent-Replayed"] = "true"
    return response


def answered(answer: Answer) -> Response:
    """The answer to a write, as it was stored."""
    headers = {"Location": answer.location, "ETag": f'"{answer.version}"', "Cache-Control": "no-store"}
    return Response(answer.body, answer.status, headers, "application/json")
