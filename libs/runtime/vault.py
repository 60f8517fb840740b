"""Personal fields, encrypted per person (AES-256-GCM). Destroying a person's key makes them unreadable everywhere."""

import base64
import contextlib
import os
import time
from collections import OrderedDict
from collections.abc import Callable, Iterable, Mapping, Sequence

import asyncpg
import orjson
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from libs.events.event import JSON
from libs.events.gathering import Gathering
from libs.events.store import Unavailable

_NONCE_BYTES = 12
_VERSION = "v1."
CACHE_KEYS_MAX = 2_000
"""Unwrapped keys that a process remembers."""

KEY_AGE_S_MAX = 5.0
"""How long it remembers one: what was shredded by another process is unreadable in this one after so many seconds."""


class Shredded(LookupError):
    """The person's key is destroyed: what it encrypted can never be read again."""


def wrap(master: bytes, case_id: str, key: bytes) -> bytes:
    """A person's key as it is stored: encrypted by a master key and bound to the case."""
    nonce = os.urandom(_NONCE_BYTES)
    return nonce + AESGCM(master).encrypt(nonce, key, case_id.encode())


def unwrap(masters: Iterable[bytes], case_id: str, wrapped: bytes) -> bytes:
    """A person's key by the first master key that fits. Raises InvalidTag where none does."""
    for master in masters:
        try:
            return AESGCM(master).decrypt(wrapped[:_NONCE_BYTES], wrapped[_NONCE_BYTES:], case_id.encode())
        except InvalidTag:
            continue
    raise InvalidTag


def _opened(key: AESGCM, case_id: str, sealed: str) -> dict[str, JSON]:
    raw = base64.b64decode(sealed.removeprefix(_VERSION))
    opened: dict[str, JSON] = orjson.loads(key.decrypt(raw[:_NONCE_BYTES], raw[_NONCE_BYTES:], case_id.encode()))
    return opened


class Vault:
    """Encrypts and decrypts the personal fields of events. Keys stand wrapped in their own schema.

    `masters` reads the master keys, the current one first; it is asked again where none of those known fits, so
    that a process lives through their rotation.
    """

    def __init__(self, pool: asyncpg.Pool, masters: Callable[[], Sequence[bytes]]) -> None:
        self._pool = pool
        self._read_masters = masters
        self._masters = masters()
        self._keys: OrderedDict[str, tuple[AESGCM, float]] = OrderedDict()
        self._stored: Gathering[str, bytes] = Gathering(self._wrapped_of)

    def new_key(self, case_id: str) -> bytes:
        """A new key for a person, wrapped by the master key, for the append that opens the case."""
        key = os.urandom(32)
        self._remember(case_id, AESGCM(key))
        return wrap(self._masters[0], case_id, key)

    def wrapped(self, name: str, key: bytes) -> bytes:
        """A key of another kind, wrapped like a person's."""
        return wrap(self._masters[0], name, key)

    async def unwrapped(self, name: str) -> bytes:
        """A key of another kind. Raises Shredded where it is gone."""
        return self._unwrapped(name, await self._wrapped(name))

    async def seal(self, case_id: str, personal: Mapping[str, JSON]) -> str:
        """The ciphertext of personal fields. Raises Shredded where the person's key is gone."""
        key = await self._key(case_id)
        nonce = os.urandom(_NONCE_BYTES)
        plain = orjson.dumps(personal, option=orjson.OPT_SORT_KEYS)
        return _VERSION + base64.b64encode(nonce + key.encrypt(nonce, plain, case_id.encode())).decode()

    async def open(self, case_id: str, sealed: str) -> dict[str, JSON]:
        """The personal fields in a ciphertext. Raises Shredded where the person's key is gone."""
        key = await self._key(case_id)
        try:
            return _opened(key, case_id, sealed)
        except InvalidTag:
            self._keys.pop(case_id, None)
            raise

    async def open_each(self, sealed: Mapping[str, str]) -> dict[str, dict[str, JSON]]:
        """The personal fields of many cases, one ciphertext each; those whose key is gone are left out."""
        stored = await self._wrapped_of(list(sealed))
        keys = {case_id: AESGCM(self._unwrapped(case_id, wrapped)) for case_id, wrapped in stored.items()}
        return {case_id: _opened(key, case_id, sealed[case_id]) for case_id, key in keys.items()}

    def forget(self, case_id: str) -> None:
        """Drop a key from this process's memory."""
        self._keys.pop(case_id, None)

    async def renew(self, case_id: str) -> None:
        """Ask for a key anew, so that one destroyed a moment ago is not found in this process's memory."""
        self.forget(case_id)
        with contextlib.suppress(Shredded):
            await self._key(case_id)

    async def _key(self, case_id: str) -> AESGCM:
        found = self._keys.get(case_id)
        if found and time.monotonic() - found[1] < KEY_AGE_S_MAX:
            return found[0]
        self.forget(case_id)
        key = AESGCM(self._unwrapped(case_id, await self._wrapped(case_id)))
        self._remember(case_id, key)
        return key

    async def _wrapped(self, case_id: str) -> bytes:
        wrapped = await self._stored.get(case_id)
        if wrapped is None:
            raise Shredded(case_id)
        return wrapped

    async def _wrapped_of(self, case_ids: Sequence[str]) -> dict[str, bytes]:
        asked = "SELECT case_id, wrapped FROM vault.person_key WHERE case_id = ANY($1) AND wrapped IS NOT NULL"
        try:
            return {row[0]: bytes(row[1]) for row in await self._pool.fetch(asked, case_ids)}
        except (asyncpg.PostgresConnectionError, asyncpg.InterfaceError, OSError) as fault:
            raise Unavailable("the key vault cannot be reached") from fault

    def _unwrapped(self, case_id: str, wrapped: bytes) -> bytes:
        try:
            return unwrap(self._masters, case_id, wrapped)
        except InvalidTag:
            self._masters = self._read_masters()
            return unwrap(self._masters, case_id, wrapped)

    def _remember(self, case_id: str, key: AESGCM) -> None:
        self._keys[case_id] = (key, time.monotonic())
        if len(self._keys) > CACHE_KEYS_MAX:
            self._keys.popitem(last=False)
