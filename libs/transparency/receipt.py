"""The signed receipt of an append: the log's promise, before the merge, that this event will be in it."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from libs.transparency.note import Note, NoteError, SigningKey, VerifierKey, parse_note, sign_note, verified

MERGE_DELAY_SECONDS_MAX = 60
"""The log's maximum merge delay; after it, a receipt without an inclusion proof is proof of misconduct."""

_HEAD = "org.opennrm.receipt/v1"
"""The first line; the third is no tree size, so that no receipt can be read as a checkpoint, nor the reverse."""

_HEX_DIGITS = 64


@dataclass(frozen=True, slots=True)
class Receipt:
    """What was promised: this event, with this hash, accepted by this log at this time."""

    origin: str
    event_id: str
    event_hash: str
    accepted_at: datetime
    merge_delay_seconds: int = MERGE_DELAY_SECONDS_MAX

    @property
    def text(self) -> str:
        """The signed text: a line each of head, origin, `event <id>`, `hash <hex>`, `time <RFC 3339>`, `mmd <s>`."""
        at = self.accepted_at.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")
        return (
            f"{_HEAD}\n{self.origin}\nevent {self.event_id}\nhash {self.event_hash}\n"
            f"time {at}\nmmd {self.merge_delay_seconds}\n"
        )

    @property
    def due_at(self) -> datetime:
        """When the event must be in the log at the latest."""
        return self.accepted_at + timedelta(seconds=self.merge_delay_seconds)


def sign_receipt(receipt: Receipt, key: SigningKey) -> Note:
    """Sign a receipt; it is an Ed25519 signed note, so any signed-note tool can check it."""
    if _parse(receipt.text) != receipt or receipt.origin != key.name:
        raise NoteError("this receipt cannot be written, or is another log's")
    return sign_note(receipt.text, key)


def open_receipt(raw: bytes | str, known: Iterable[VerifierKey]) -> Receipt:
    """Give the receipt of a note that its own log signed; raises `NoteError` otherwise."""
    note = parse_note(raw)
    receipt = _parse(note.text)
    verified(note, [key for key in known if key.name == receipt.origin])
    return receipt


def _parse(text: str) -> Receipt:
    lines = text.split("\n")
    match [line.split(" ") for line in lines]:
        case [[head], [origin], ["event", event], ["hash", hashed], ["time", at], ["mmd", delay], [""]]:
            pass
        case _:
            raise NoteError("not a receipt")
    try:
        receipt = Receipt(origin, event, hashed, datetime.fromisoformat(at), int(delay))
        good = head == _HEAD and len(bytes.fromhex(hashed)) * 2 == _HEX_DIGITS and receipt.text == text
    except ValueError as error:
        raise NoteError("not a receipt") from error
    if not good:
        raise NoteError("not a receipt")
    return receipt
