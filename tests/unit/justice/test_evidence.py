"""Evidence is kept by hash and holder; a broken chain of custody is recorded and shown."""

from libs.events.catalogue.justice import CustodyTransferred, EvidenceRegistered
from libs.events.testing import given
from services.justice.commands import RegisterEvidence, Transfer, TransferCustody
from services.justice.decider import COURT_CASE
from services.justice.rulebook import court_case_resource
from tests.unit.justice.kit import OF_COURT, OPENED

HASH, OTHER = "a" * 64, "b" * 64
REGISTERED = EvidenceRegistered(**OF_COURT, evidence_id="e1", kind="document", sha256=HASH, taken_by="cnp-poipet")
MONDAY, TUESDAY = "2009-03-02T02:00:00.000000Z", "2009-03-03T02:00:00.000000Z"


def moved(giver: str, taker: str, at: str = MONDAY, breaks: tuple[str, ...] = (), sha256: str | None = None) -> object:
    return CustodyTransferred(
        **OF_COURT, evidence_id="e1", from_holder=giver, to_holder=taker, moved_at=at, sha256=sha256, breaks=breaks
    )


def test_is_registered_with_the_transfers_behind_it() -> None:
    links = (Transfer("cnp-poipet", "lab", MONDAY), Transfer("lab", "court", TUESDAY))
    given(COURT_CASE, *OPENED).when(RegisterEvidence("e1", "document", HASH, "cnp-poipet", links)).then(
        REGISTERED, moved("cnp-poipet", "lab"), moved("lab", "court", TUESDAY)
    )


def test_records_what_breaks_the_chain() -> None:
    past = given(COURT_CASE, *OPENED, REGISTERED, moved("cnp-poipet", "lab", TUESDAY))
    past.when(TransferCustody("e1", Transfer("cnp-poipet", "court", MONDAY, OTHER))).then(
        moved("cnp-poipet", "court", MONDAY, ("not_the_holder", "hash_differs", "before_previous"), OTHER)
    )


def test_shows_a_broken_chain() -> None:
    broken = moved("somebody", "court", breaks=("not_the_holder",))
    shown = court_case_resource(COURT_CASE.fold((*OPENED, REGISTERED, broken)), frozenset({"forced_labour"}))
    assert [one["chain"] for one in shown["evidence"]] == ["broken"]
    assert [one["code"] for one in shown["warnings"]] == ["broken-chain-of-custody"]


def test_one_file_is_registered_once() -> None:
    given(COURT_CASE, *OPENED, REGISTERED).when(RegisterEvidence("e2", "photo", HASH, "x", ())).then_refused(
        "already-registered"
    )


def test_passes_on_nothing_that_is_not_registered() -> None:
    given(COURT_CASE, *OPENED).when(TransferCustody("e9", Transfer("a", "b", MONDAY))).then_refused("not-found")
