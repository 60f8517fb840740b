"""Asking witnesses to cosign (C2SP tlog-witness), so that the operator alone cannot show two histories."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from http import HTTPStatus

import asyncpg
import httpx2
import structlog

from libs.runtime.settings import Settings
from libs.transparency.checkpoint import parse_size
from libs.transparency.merkle import consistency_proof
from libs.transparency.note import Note, NoteError, Signature, VerifierKey, parse_note, verified
from libs.transparency.witness import format_request
from nrm.log import tables
from nrm.log.tables import Signed

TIMEOUT_S = 5.0
RETRY_S = 1.0
TRIES = 2
"""The second one with the size that the witness says it holds."""

log = structlog.get_logger()


@dataclass(slots=True)
class Peer:
    """One witness, and the size that it last cosigned as far as we know."""

    url: str
    key: VerifierKey
    size: int = 0


def peers_of(settings: Settings) -> list[Peer]:
    """The witnesses that are set: `<url> <verifier key>`, separated by commas."""
    found = []
    for one in filter(None, map(str.strip, settings.witnesses.split(","))):
        url, _, key = one.partition(" ")
        found.append(Peer(url.rstrip("/"), VerifierKey.parse(key.strip())))
    return found


class Witnesses:
    """Shows a checkpoint once a quorum has cosigned it."""

    def __init__(self, settings: Settings, pool: asyncpg.Pool) -> None:
        self.peers = peers_of(settings)
        self.quorum = settings.witness_quorum or len(self.peers) // 2 + 1
        self._pool = pool
        self.waiting = asyncio.Event()

    async def run(self) -> None:
        """Have every new checkpoint cosigned until cancelled; the newest one counts, older ones are skipped."""
        if not self.peers:
            return
        async with httpx2.AsyncClient(timeout=TIMEOUT_S, trust_env=False) as client:
            while True:
                try:
                    behind = await self._advance(client)
                except (asyncpg.PostgresError, asyncpg.InterfaceError, OSError, LookupError) as fault:
                    log.warning("log.witnesses_waiting", fault=type(fault).__name__)
                    behind = True
                if behind:
                    await asyncio.sleep(RETRY_S)
                    continue
                self.waiting.clear()
                await self.waiting.wait()

    async def _advance(self, client: httpx2.AsyncClient) -> bool:
        """Whether a signed checkpoint still lacks its quorum."""
        newest, shown = await tables.last_signed(self._pool), await tables.published(self._pool)
        if newest is None or (shown and shown.head.size >= newest.head.size):
            return False
        asked = await asyncio.gather(*(self._ask(client, peer, newest) for peer in self.peers))
        cosigned = [one for one in asked if one]
        if len(cosigned) < self.quorum:
            log.warning("log.no_quorum", size=newest.head.size, cosigned=len(cosigned), needed=self.quorum)
            return True
        own = parse_note(newest.note)
        note = Note(own.text, (*own.signatures, *cosigned))
        await tables.publish(self._pool, newest.head.size, str(note), datetime.now(UTC))
        return False

    async def _ask(self, client: httpx2.AsyncClient, peer: Peer, newest: Signed) -> Signature | None:
        try:
            for _ in range(TRIES):
                proof = await self._proof(peer.size, newest.head.size)
                answer = await client.post(
                    f"{peer.url}/add-checkpoint", content=format_request(peer.size, proof, newest.note)
                )
                if answer.status_code == HTTPStatus.OK:
                    return _cosignature(peer, newest, answer.text)
                if answer.status_code != HTTPStatus.CONFLICT:
                    break
                peer.size = parse_size(answer.text.strip())
                if peer.size > newest.head.size:
                    break
            log.warning("log.witness_refused", witness=peer.key.name, status=answer.status_code)
        except (httpx2.HTTPError, NoteError) as fault:
            log.warning("log.witness_away", witness=peer.key.name, fault=type(fault).__name__)
        return None

    async def _proof(self, old: int, size: int) -> Sequence[bytes]:
        reader = await tables.hashes(self._pool, size, lambda hashes: consistency_proof(old, size, hashes))
        return consistency_proof(old, size, reader)


def _cosignature(peer: Peer, newest: Signed, text: str) -> Signature:
    """The witness's line, checked. Raises NoteError where it is not a good one."""
    body = parse_note(newest.note).text
    [signature] = parse_note(f"{body}\n{text}").signatures
    verified(Note(body, (signature,)), [peer.key])
    peer.size = newest.head.size
    return signature
