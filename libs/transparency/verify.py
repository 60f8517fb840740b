"""The offline verifier: an export folder and a key in, findings out. No network, no database, bounded memory."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

from libs.transparency.align import Alignment, Block, Expected, Finding, Match
from libs.transparency.bundle import CHECKPOINT, EVENTS, KEY, PROOFS, SUBMITTERS
from libs.transparency.canonical import canonical
from libs.transparency.chains import Chains, Manifests, Positions, SubjectFold, short_streams
from libs.transparency.checkpoint import Checkpoint, Policy, parse_checkpoint, parse_policy
from libs.transparency.lines import Seen, last_event_id, read_lines, see
from libs.transparency.manifest import MANIFEST_STREAM, MANIFEST_TYPES, Head, concerned, verify_head
from libs.transparency.merkle import ProofError, Tree, verify_consistency, verify_inclusion
from libs.transparency.note import NoteError, parse_note
from libs.transparency.proofs import Proofs, ProofsError, read_hashes
from libs.transparency.registry import Registry
from libs.transparency.submissions import Submissions

FINDINGS_MAX = 1000
"""More than this says nothing new; the report then ends with a line that says so."""


@dataclass(frozen=True, slots=True)
class Report:
    """The outcome: how many events were read, and what is wrong."""

    events: int
    findings: tuple[Finding, ...]
    signed: int = 0
    """How many events carry their submitter's signature."""


def verify_folder(
    folder: Path,
    policy: Policy | None = None,
    retained: Sequence[bytes] = (),
    progress: Callable[[int], None] = lambda _: None,
    submitters: Registry | None = None,
) -> Report:
    """Verify an export; raises OSError where a file is missing, BadRegistry where the submitters' keys are unusable.

    `policy` is by default the folder's own key, `submitters` the folder's own keys.
    """
    verification = Verification(folder, policy, retained, progress)
    verification.submissions = Submissions(submitters or _submitters(folder))
    findings = list(dict.fromkeys(islice(verification.findings(), FINDINGS_MAX)))
    if len(findings) == FINDINGS_MAX:
        findings.append(Finding(verification.last, "and more; the rest is not listed"))
    return Report(verification.events, tuple(findings), verification.submissions.signed)


def _submitters(folder: Path) -> Registry:
    file = folder / SUBMITTERS
    return Registry.read(file) if file.exists() else Registry()


class Verification:
    """One run over one folder."""

    def __init__(
        self, folder: Path, policy: Policy | None, retained: Sequence[bytes], progress: Callable[[int], None]
    ) -> None:
        self._folder = folder
        self._retained = retained
        self._progress = progress
        self._policy = policy or parse_policy((folder / KEY).read_text(encoding="utf-8"))
        self._note = (folder / CHECKPOINT).read_bytes()
        self.last = last_event_id(folder / EVENTS)
        self.events = 0
        self.submissions = Submissions(Registry())
        (folder / PROOFS).open("rb").close()

    def findings(self) -> Iterator[Finding]:
        """Give what is wrong: the checkpoint first, then the events in log order, then what is missing."""
        try:
            checkpoint = self._policy.open(self._note)
        except NoteError as error:
            yield Finding(self.last, f"the checkpoint is not to be believed: {error}")
            try:
                checkpoint = parse_checkpoint(parse_note(self._note).text)
            except NoteError:
                return
        try:
            proofs = Proofs(self._folder / PROOFS, checkpoint)
            if proofs.scope == "whole":
                yield from self._whole(checkpoint, proofs)
            else:
                yield from self._part(checkpoint, proofs)
        except (ProofsError, ProofError, NoteError) as error:
            yield Finding(self.last, f"the proofs do not hold: {error}")
        except (KeyError, TypeError, AttributeError, ValueError) as error:
            # What is read here may be hostile: a value of a wrong shape is a finding, never a crash.
            yield Finding(self.last, f"the proofs do not hold: a value has not the form it must have ({error!r})")

    def _matches(self, blocks: Iterator[Block], outcome: "Outcome") -> Iterator[Finding | Match]:
        with (self._folder / EVENTS).open("rb") as source:
            alignment = Alignment(blocks, read_lines(source))
            for found in alignment.walk():
                outcome.differs = alignment.differs
                yield found
                if isinstance(found, Match):
                    self.events += len(found.lines)
                    self._progress(self.events)
                    yield from self.submissions.check(found.lines)

    def _whole(self, checkpoint: Checkpoint, proofs: Proofs) -> Iterator[Finding]:
        retained = list(self._retained_checkpoints())
        root = proofs.root(0)[0]
        authentic = root == checkpoint.root
        outcome = Outcome()
        chains, manifests = Chains(dense=True, from_start=True), Manifests()
        positions = Positions(from_start=True)
        for found in self._matches(proofs.blocks(), outcome):
            if isinstance(found, Finding):
                yield found
                continue
            yield from chains.check(found.lines, whole=not outcome.differs)
            yield from positions.check(found.lines)
            manifests.take(found.indices, found.lines)
        if not authentic:
            yield self._other_root(checkpoint)
        elif not outcome.differs:
            yield from self.submissions.unlisted()
            yield from manifests.check()
            yield from positions.gaps()
        for one in retained:
            yield from self._retained_whole(one, checkpoint, proofs)

    def _other_root(self, checkpoint: Checkpoint) -> Finding:
        """Say which of the two was changed where the tiles do not lead to the signed root."""
        tree = Tree()
        with (self._folder / EVENTS).open("rb") as source:
            for seen in read_lines(source):
                if not seen.leaf:
                    break
                tree.push(0, seen.leaf)
        if tree.size == checkpoint.size and tree.root() == checkpoint.root:
            return Finding(self.last, "the proofs were changed: the events up to this one have the checkpoint's root")
        return Finding(self.last, "the history up to this event is not the one whose root the checkpoint signs")

    def _retained_checkpoints(self) -> Iterator[Checkpoint | Finding]:
        for raw in self._retained:
            try:
                yield self._policy.open(raw)
            except NoteError as error:
                yield Finding(self.last, f"forked: the retained checkpoint is not of this log: {error}")

    def _retained_whole(self, one: Checkpoint | Finding, new: Checkpoint, proofs: Proofs) -> Iterator[Finding]:
        if isinstance(one, Finding):
            yield one
        elif one.origin != new.origin or one.size > new.size:
            yield self._older(one, new)
        elif proofs.root(one.size)[1] != one.root:
            named = next((leaf.event_id for leaf in _leaves(proofs) if leaf.at == one.size - 1), self.last)
            yield Finding(named, f"forked: the first {one.size} leaves, up to this event, had another root before")

    def _older(self, one: Checkpoint, new: Checkpoint) -> Finding:
        if one.origin != new.origin:
            return Finding(self.last, f"forked: the retained checkpoint is of {one.origin}, this one of {new.origin}")
        return Finding(self.last, f"cut off: the log had {one.size} leaves before, its checkpoint here has {new.size}")

    def _part(self, checkpoint: Checkpoint, proofs: Proofs) -> Iterator[Finding]:
        for one in self._retained_checkpoints():
            yield from self._retained_part(one, checkpoint, proofs)
        outcome, folded = Outcome(), SubjectFold()
        subject = proofs.header.get("subject")
        chains = Chains(dense=proofs.scope == "range", from_start=proofs.scope == "subject")
        positions = Positions(from_start=False)
        for found in self._matches(_folding(proofs.blocks(), folded), outcome):
            if isinstance(found, Finding):
                yield found
                continue
            yield from chains.check(found.lines, whole=not outcome.differs)
            if subject:
                yield from (_stranger(seen.event_id, subject) for seen in found.lines if not _of(seen, subject))
            else:
                yield from positions.check(found.lines)
        if not subject and not outcome.differs:
            yield from positions.gaps()
        if subject:
            yield from self._complete(checkpoint, proofs, chains, folded)

    def _retained_part(self, one: Checkpoint | Finding, new: Checkpoint, proofs: Proofs) -> Iterator[Finding]:
        if isinstance(one, Finding):
            yield one
            return
        if one.origin != new.origin or one.size > new.size:
            yield self._older(one, new)
            return
        proof = [] if one.size in (0, new.size) else proofs.consistency(one.size)
        if proof is None:
            yield Finding(self.last, f"forked? the export brings no consistency proof from size {one.size}")
            return
        try:
            verify_consistency(one.size, one.root, new.size, new.root, proof)
        except ProofError as error:
            yield Finding(self.last, f"forked: this checkpoint does not extend the retained one: {error}")

    def _complete(
        self, checkpoint: Checkpoint, proofs: Proofs, chains: Chains, folded: SubjectFold
    ) -> Iterator[Finding]:
        """Compare with the manifest: nothing of the case is missing only if its fold is the manifest's."""
        heads = _manifest_heads(checkpoint, proofs.manifest())
        head = heads.get(f"subject/{proofs.header['subject']}")
        if head is None:
            raise ProofsError("the manifest's part has no entry for this case")
        if (head["count"], head["digest"]) == (folded.count, folded.digest):
            return
        yield from chains.gaps
        yield from short_streams(chains, heads)
        what = f"the case has {head['count']} events by the manifest, the export proves {folded.count}"
        yield Finding(self.last, f"not complete: {what}")


@dataclass(slots=True)
class Outcome:
    """Whether any line differed from the log so far."""

    differs: bool = False


def _leaves(proofs: Proofs) -> Iterator[Expected]:
    for block in proofs.blocks():
        yield from block.expected()


def _folding(blocks: Iterator[Block], folded: SubjectFold) -> Iterator[Block]:
    for block in blocks:
        folded.add(block.hashes)
        yield block


def _of(seen: Seen, subject: str) -> bool:
    return subject in concerned(seen.envelope.get("subject"), seen.envelope.get("data"))


def _stranger(event_id: str, subject: str) -> Finding:
    return Finding(event_id, f"inserted: it is in the log, but does not concern {subject}")


def _manifest_heads(checkpoint: Checkpoint, part: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """Prove the manifest leaf, that it is the last one, and every entry; gives the entries by name."""
    seen = see(canonical(part["envelope"]) + b"\n")
    if seen.fault or seen.position is not None or part.keys() != {"index", "envelope", "proof", "heads"}:
        raise ProofsError("the manifest is not written as it must be")
    if part["index"] != checkpoint.size - 1:
        raise ProofsError("the manifest is not the last leaf: later events could be missing")
    verify_inclusion(part["index"], checkpoint.size, seen.leaf, read_hashes(part["proof"]), checkpoint.root)
    if seen.envelope["type"] not in MANIFEST_TYPES or seen.envelope["stream"] != MANIFEST_STREAM:
        raise ProofsError("the manifest leaf is no manifest")
    stated = seen.envelope["data"]
    if stated["size"] != part["index"]:
        raise ProofsError("the manifest does not cover every leaf before it")
    heads = {}
    for entry in part["heads"]:
        head = Head(entry["name"], entry["count"], read_hashes([entry["digest"]])[0])
        verify_head(head, read_hashes(entry["path"]), bytes.fromhex(stated["root"]))
        heads[head.name] = {"count": head.count, "digest": head.digest}
    return heads
