"""Hand-over files: what one says, when it is the same one, and whether it still holds."""

import base64
from dataclasses import replace
from pathlib import Path
from typing import Any

import orjson
import pytest
from joserfc import jws
from joserfc.errors import BadSignatureError
from joserfc.jwk import KeySet

from libs.events.catalogue.repatriation import HandoverFileIssued, HandoverFileWithdrawn
from libs.events.testing import given
from libs.rules.corridors import load_corridors
from libs.runtime.ids import BadCaseReference, file_code, new_file_code
from libs.runtime.settings import Settings
from services.repatriation.decider import DECIDER
from services.repatriation.handover.commands import Issue, Withdraw
from services.repatriation.handover.content import content, digest_of, signed_bytes
from services.repatriation.handover.decider import FILES
from services.repatriation.handover.printing import pdf_of
from services.repatriation.handover.signing import Seal
from services.repatriation.handover.state import Files, status_of
from services.repatriation.handover.words import WORDS, receiving_language
from services.repatriation.state import Open
from tests.unit.repatriation.returns import CASE, ID, KH_VN, after, ready, step

SALT = "00" * 16
PERSON = {"given_name": "Thị Hằng", "sex": "female", "language": "vi"}


def issued(code: str = "A", **other: Any) -> HandoverFileIssued:
    stated: dict[str, Any] = {
        "code": code, "repatriation_id": ID, "case_id": CASE, "corridor": "KH-VN", "issued_to": "mosvy",
        "step": "handed_over", "fields": ("given_name", "sex", "language", "needs"), "language": "vi", "words": "w",
        "recorded": 7, "person_version": 1, "digest": "d", "key_id": "k", "occurred_at": "2026-02-20T03:04:05.678901Z",
    }  # fmt: skip
    return HandoverFileIssued(**(stated | other))


def withdrawn(code: str = "A") -> HandoverFileWithdrawn:
    return HandoverFileWithdrawn(code=code, repatriation_id=ID, case_id=CASE, by="mosvy", occurred_at="2026-02-21")


def repatriation(*more: Any) -> Open:
    state = DECIDER.fold(after(*ready(), *more))
    assert isinstance(state, Open)
    return state


def file(**other: Any) -> dict[str, Any]:
    return content(issued(**other), repatriation(), KH_VN.corridor, PERSON, SALT)


def test_the_same_again_is_the_same_file() -> None:
    given(FILES, issued()).when(Issue(issued("B"))).then()


@pytest.mark.parametrize("other", [{"recorded": 8}, {"person_version": 2}, {"language": "km"}, {"words": "x"}])
def test_anything_else_is_another_file(other: dict[str, Any]) -> None:
    given(FILES, issued()).when(Issue(issued("B", **other))).then(issued("B", **other))


def test_a_withdrawn_file_is_not_given_out_again() -> None:
    given(FILES, issued(), withdrawn()).when(Issue(issued("B"))).then(issued("B"))


def test_a_file_is_withdrawn_once() -> None:
    given(FILES, issued()).when(Withdraw(withdrawn())).then(withdrawn())
    given(FILES, issued(), withdrawn()).when(Withdraw(withdrawn())).then_refused("already-so")
    given(FILES, issued()).when(Withdraw(withdrawn("B"))).then_refused("not-found")


@pytest.mark.parametrize(
    ("later", "more", "status"),
    [
        ((), (), "valid"),
        ((issued("B", language="km"),), (), "valid"),
        ((issued("B", person_version=2),), (), "superseded"),
        ((issued("B", recorded=8),), (), "superseded"),
        ((withdrawn(),), (), "withdrawn"),
        ((), (step("handed_over", day=9),), "valid"),
        ((), (step("consent_given", "refused", day=9),), "withdrawn"),
        ((), (step("consent_given", "refused", day=9), step("consent_given", day=10, claimed=True)), "withdrawn"),
    ],
)
def test_whether_it_holds(later: tuple[Any, ...], more: tuple[Any, ...], status: str) -> None:
    files = FILES.fold((issued(), *later))
    assert isinstance(files, Files)
    assert status_of(issued(), files, repatriation(*more)) == status


def test_it_says_what_the_step_discloses_and_no_more() -> None:
    said = file()
    assert said["person"] == PERSON
    assert said["not_on_file"] == ["needs"]
    assert [one["step"] for one in said["procedure"]] == [one.step for one in ready()]
    assert said["text"]["vi"]["values"] == {"given_name": "Thị Hằng", "sex": "nữ", "language": "tiếng Việt"}
    assert set(said["text"]) == {"en", "vi"}


def test_what_comes_later_does_not_change_a_file_that_is_out() -> None:
    later = content(issued(), repatriation(step("handed_over", day=9)), KH_VN.corridor, PERSON, SALT)
    assert later == file()


def test_the_signature_is_checked_with_the_published_key_alone(tmp_path: Path) -> None:
    seal, said = Seal(Settings(data_dir=tmp_path)), file()
    head, _, signature = seal.sign(signed_bytes(said)).split(".")
    keys = KeySet.import_key_set(seal.published())
    assert not any(key.is_private for key in keys)

    def checked(received: dict[str, Any]) -> None:
        body = orjson.dumps(received, option=orjson.OPT_SORT_KEYS)
        payload = base64.urlsafe_b64encode(body).decode().rstrip("=")
        jws.deserialize_compact(f"{head}.{payload}.{signature}", keys, algorithms=["Ed25519"])

    checked(orjson.loads(orjson.dumps(said)))
    with pytest.raises(BadSignatureError):
        checked({**said, "person": {**PERSON, "given_name": "Another"}})


@pytest.mark.parametrize("corridor", load_corridors().by_key.values(), ids=lambda one: str(one.key))
def test_every_corridor_prints_in_the_language_of_who_receives(corridor: Any) -> None:
    language = receiving_language(corridor)
    assert language in corridor.languages
    said = content(issued(language=language), repatriation(), corridor, PERSON, SALT)
    printed = pdf_of(said, digest_of(said), "h..s")
    assert printed.startswith(b"%PDF-")
    assert printed == pdf_of(said, digest_of(said), "h..s")


def test_where_nobody_wrote_the_words_of_a_country_yet_the_file_is_in_english() -> None:
    assert receiving_language(replace(load_corridors().of("KH-LA.v1"), to_country="PH")) == "en"


def test_every_language_has_its_own_words() -> None:
    titles = {name: words.said["title"] for name, words in WORDS.items()}
    assert len(set(titles.values())) == len(WORDS) == 8


def test_a_code_is_read_however_it_is_typed() -> None:
    code = new_file_code()
    assert file_code(code.lower().replace("-", " - ").replace("0", "o").replace("1", "i")) == code
    wrong = code[:-1] + ("2" if code[-1] != "2" else "3")
    with pytest.raises(BadCaseReference):
        file_code(wrong)
