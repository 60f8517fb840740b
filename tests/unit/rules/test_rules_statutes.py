"""The statute table: what stood when, what a court may give, and whether a charge fits."""

from datetime import date
from pathlib import Path
from shutil import copy

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from libs.rules.load import BadRules
from libs.rules.statutes import PATH, UnknownArticle, load_statutes

TABLE = load_statutes()
DAY = date(2011, 6, 1)
RECRUITMENT = TABLE.article("lshtse-2008", "12", DAY)
SOLICITING = TABLE.article("penal-code-2009", "298", DAY)
FORGERY = TABLE.article("penal-code-2009", "627", DAY)


def test_has_the_statutes_the_contract_names() -> None:
    assert {"lshtse-2008", "penal-code-2009"} <= {statute.id for statute in TABLE.statutes}


def test_only_sourced_ranges_are_not_placeholders() -> None:
    confirmed = [f"{a.statute}:{a.article}" for law in TABLE.statutes for a in law.articles if not a.placeholder]
    assert confirmed == ["lshtse-2008:10"]


def test_an_article_stands_only_on_its_days() -> None:
    assert TABLE.article("kidnapping-law-1996", "3", date(2007, 1, 1)).kind == "trafficking"
    with pytest.raises(UnknownArticle, match="was not in force on 2011-06-01"):
        TABLE.article("kidnapping-law-1996", "3", DAY)
    with pytest.raises(UnknownArticle, match="no article"):
        TABLE.article("lshtse-2008", "999", DAY)
    with pytest.raises(UnknownArticle, match="no statute"):
        TABLE.article("law-of-the-sea", "1", DAY)


@pytest.mark.parametrize(
    ("prison", "fine", "counts", "rule"),
    [
        (120, None, 1, None),
        (240, None, 3, None),
        (60, None, 1, "lshtse-2008:12"),
        (241, None, 1, "lshtse-2008:12"),
        (480, None, 2, "penal-code-2009:137"),
        (None, 1000, 1, "lshtse-2008:12"),
        (120, 1000, 1, "lshtse-2008:12"),
        (None, None, 1, "penal-code-2009:97"),
        (0, 0, 1, "penal-code-2009:97"),
    ],
)
def test_names_the_rule_that_a_sentence_breaks(
    prison: int | None, fine: int | None, counts: int, rule: str | None
) -> None:
    breach = TABLE.check_sentence(RECRUITMENT, prison, fine, counts)
    assert (breach.rule if breach else None) == rule


def test_prison_and_fine_or_either_is_allowed_where_the_article_has_both() -> None:
    for prison, fine in ((12, 3_000_000), (12, None), (None, 3_000_000)):
        assert TABLE.check_sentence(FORGERY, prison, fine) is None
    breach = TABLE.check_sentence(FORGERY, None, 1)
    assert breach is not None
    assert breach.detail == "1 riel; penal-code-2009:627 allows 2000000 to 6000000 riel"


@settings(deadline=None)
@given(st.integers(1, 600), st.integers(1, 20))
def test_more_counts_never_raise_the_maximum(prison: int, counts: int) -> None:
    one, many = (TABLE.check_sentence(RECRUITMENT, prison, None, number) for number in (1, counts))
    assert (one is None) == (many is None)


def test_trafficking_without_purpose_may_be_smuggling_and_the_reverse() -> None:
    advice = TABLE.charge_fit(RECRUITMENT, frozenset())
    assert advice is not None
    assert advice.code == "trafficking-without-purpose"
    (smuggling,) = advice.suggest
    reverse = TABLE.charge_fit(TABLE.article(*smuggling, DAY), frozenset({"forced_labour"}))
    assert reverse is not None
    assert ("lshtse-2008", "12") in reverse.suggest
    assert TABLE.charge_fit(RECRUITMENT, frozenset({"forced_labour"})) is None
    assert TABLE.charge_fit(SOLICITING, frozenset()) is None


def test_the_penal_code_stands_where_both_say_the_same() -> None:
    pair = TABLE.stands(("lshtse-2008", "24"), ("penal-code-2009", "298"))
    assert pair is not None
    assert (pair.relation, pair.stands) == ("same_crime", "penal-code-2009")
    assert TABLE.stands(("lshtse-2008", "10"), ("penal-code-2009", "298")) is None


@pytest.mark.parametrize(
    ("old", "new", "what"),
    [
        ("prison_months: {min: 84, max: 180}", "prison_months: {min: 181, max: 180}", "min is above max"),
        (
            'code: {statute: penal-code-2009, article: "298"}',
            'code: {statute: penal-code-2009, article: "1"}',
            "no penal-",
        ),
        ('        penalty_in: "9"\n', "", "has no penalty"),
    ],
)
def test_refuses_a_broken_table(tmp_path: Path, old: str, new: str, what: str) -> None:
    copy(PATH.parent / "statutes.schema.json", tmp_path)
    text = PATH.read_text(encoding="utf-8")
    (tmp_path / PATH.name).write_text(text.replace(old, new, 1), encoding="utf-8")
    with pytest.raises(BadRules) as caught:
        load_statutes(tmp_path / PATH.name)
    (fault,) = caught.value.faults
    assert what in fault.what
    if new:
        assert fault.line == text[: text.index(old)].count("\n") + 1
