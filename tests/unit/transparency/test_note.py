"""Notes, checkpoints, policies and receipts, with the examples that the C2SP texts give."""

from datetime import UTC, datetime

import pytest

from libs.transparency.checkpoint import Checkpoint, Policy, parse_checkpoint, parse_policy, sign_checkpoint
from libs.transparency.note import (
    COSIGNATURE_V1,
    Note,
    NoteError,
    Signature,
    SignatureError,
    SigningKey,
    VerifierKey,
    parse_note,
    sign_note,
    verified,
)
from libs.transparency.receipt import Receipt, open_receipt, sign_receipt

# signed-note, "Example".
FOO = "example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k"
EXAMPLE = (
    "This is an example message.\n\n"
    "— example.com/foo Uw2QOkn8srV1yJGh2VYRlL1Tnagv1YEq6TfXppzi2ONncAlTgK7Ztg1ERYNZXsYjOBH3mFXmRKuwHjG1Yu72IneyaQM=\n"
)
LOG = SigningKey.from_seed("log.example", b"l" * 32)
OTHER = SigningKey.from_seed("log.example", b"o" * 32)
WITNESSES = [SigningKey.from_seed(f"w{n}.example", bytes([n]) * 32, COSIGNATURE_V1) for n in (1, 2, 3)]
HEAD = Checkpoint("log.example", 7, b"r" * 32)


def test_the_example_of_the_text_verifies() -> None:
    key = VerifierKey.parse(FOO)
    assert str(key) == FOO
    assert list(verified(parse_note(EXAMPLE), [key])) == [key]
    assert str(parse_note(EXAMPLE)) == EXAMPLE


@pytest.mark.parametrize(
    "bad",
    [
        "",
        "text",
        "text\n",
        "text\n\n",
        EXAMPLE[:-1],
        EXAMPLE.replace("—", "-"),
        EXAMPLE.replace("\n\n", "\n"),
        EXAMPLE.replace("This", "Th\tis"),
        EXAMPLE.replace("aQM=", "aQM"),
        EXAMPLE.replace("aQM=", "aQN="),
        EXAMPLE + EXAMPLE.splitlines()[2],
        "text\n\n— a+b AAAAAAAA\n",
        "text\n\n— a AAAA\n",
    ],
)
def test_what_is_no_note_is_refused(bad: str) -> None:
    with pytest.raises(NoteError):
        parse_note(bad)


def test_unknown_keys_are_ignored_and_sixteen_signatures_taken() -> None:
    note = sign_note("text\n", *[SigningKey.generate(f"k{n}") for n in range(16)], LOG)
    assert list(verified(parse_note(str(note)), [LOG.verifier, OTHER.verifier])) == [LOG.verifier]


def test_a_bad_signature_of_a_known_key_rejects_the_note() -> None:
    good = sign_note("text\n", LOG)
    bad = Signature(OTHER.name, OTHER.verifier.key_id, bytes(64))
    note = Note(good.text, (*good.signatures, bad))
    with pytest.raises(SignatureError, match="bad"):
        verified(note, [LOG.verifier, OTHER.verifier])
    assert verified(note, [LOG.verifier])
    with pytest.raises(SignatureError, match="no signature"):
        verified(good, [OTHER.verifier])


def test_keys_survive_their_stored_form() -> None:
    for key in (LOG, WITNESSES[0]):
        assert SigningKey.parse(key.secret()).verifier == key.verifier
        assert VerifierKey.parse(str(key.verifier)) == key.verifier
    for bad in ("", "a+b", FOO.replace("530d903a", "530d903b"), FOO[:-4], "a b" + FOO):
        with pytest.raises(NoteError):
            VerifierKey.parse(bad)


@pytest.mark.parametrize("bad", ["a\n1\n", "a\n01\nAAAA\n", "a\n1\nAAAA\n", "\n1\n", "a\n-1\n" + "A" * 43 + "=\n"])
def test_what_is_no_checkpoint_is_refused(bad: str) -> None:
    with pytest.raises(NoteError):
        parse_checkpoint(bad)


def cosigned(*numbers: int) -> str:
    note = sign_checkpoint(HEAD, LOG)
    return str(Note(note.text, (*note.signatures, *[WITNESSES[n].sign(note.text, 1_700_000_000) for n in numbers])))


def test_two_of_three_witnesses_are_a_quorum_and_one_is_not() -> None:
    policy = Policy.of([LOG.verifier], [key.verifier for key in WITNESSES], 2)
    assert policy.open(cosigned(0, 2)) == HEAD
    for numbers in ((), (1,)):
        with pytest.raises(SignatureError, match="quorum"):
            policy.open(cosigned(*numbers))
    with pytest.raises(SignatureError, match="quorum"):
        policy.open(cosigned(1, 1))


def test_a_policy_file_with_groups_is_read() -> None:
    lines = [f"log {LOG.verifier}", *[f"witness W{n} {key.verifier}" for n, key in enumerate(WITNESSES)]]
    policy = parse_policy(
        "# ours\n" + "\n".join([*lines, "group ab any W0 W1", "group q all ab W2", "quorum q"]) + "\n"
    )
    assert policy.open(cosigned(1, 2)) == HEAD
    with pytest.raises(SignatureError, match="quorum"):
        policy.open(cosigned(0, 1))
    for bad in ("group q 3 W0 W1\nquorum q", "quorum x", "", "group none any W0\nquorum none", "nonsense at all"):
        with pytest.raises(NoteError):
            parse_policy("\n".join([*lines, bad]))


def test_a_log_in_key_rotation_is_believed_by_either_key() -> None:
    note = str(sign_checkpoint(HEAD, LOG, OTHER))
    for key in (LOG, OTHER):
        assert Policy.of([key.verifier]).open(note) == HEAD
    with pytest.raises(SignatureError):
        Policy.of([SigningKey.generate("other.example").verifier]).open(note)


def test_receipts_are_opened_only_as_their_log_signed_them() -> None:
    receipt = Receipt("log.example", "0190-id", "ab" * 32, datetime(2026, 11, 24, 8, tzinfo=UTC))
    note = str(sign_receipt(receipt, LOG))
    assert open_receipt(note, [LOG.verifier]) == receipt
    assert (receipt.due_at - receipt.accepted_at).total_seconds() == 60
    for bad in (note.replace("mmd 60", "mmd 61"), note.replace("0190", "0191"), str(sign_checkpoint(HEAD, LOG))):
        with pytest.raises(NoteError):
            open_receipt(bad, [LOG.verifier])
    with pytest.raises(NoteError):
        parse_checkpoint(parse_note(note).text)
    with pytest.raises(NoteError):
        sign_receipt(Receipt("log.example", "two words", "ab" * 32, receipt.accepted_at), LOG)
