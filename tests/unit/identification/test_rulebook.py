"""What identification takes from outside: statutes that exist, and answers whose keys tell nothing."""

import pytest

from libs.events.catalogue.vocabulary import LegalBasis
from libs.events.decider import Refused
from services.identification.rulebook import INSTRUMENTS, check_legal_basis, scored

CARD = INSTRUMENTS.of("identification-card")


def test_a_determination_cites_statutes_that_the_table_has() -> None:
    good = LegalBasis(statute="lshtse-2008", article="12")
    check_legal_basis([good])
    with pytest.raises(Refused) as refused:
        check_legal_basis([good, LegalBasis(statute="traffic-law", article="1")])
    assert (refused.value.status, refused.value.rule) == (422, "unknown-statute")
    assert refused.value.pointer == "/legal_basis/1/statute"


def test_the_key_of_an_unknown_answer_is_counted_and_never_repeated() -> None:
    """The explanation is kept with the request's answer, in the clear: a sender's own key could hold a name."""
    other = next(
        question.id
        for one in INSTRUMENTS.by_key.values()
        for question in one.questions
        if question.id not in {mine.id for mine in CARD.questions}
    )
    found = scored("identification-card", {other: True, "sok dara, born 2001": True}, child=False).explanation
    assert found["not_scored"] == [other]
    assert found["not_scored_unknown"] == 1
    assert "dara" not in str(found)
