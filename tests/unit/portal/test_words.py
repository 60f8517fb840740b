"""Every string stands in every language, and every page finds the strings it asks for."""

import re
from pathlib import Path
from typing import get_args

import pytest

from libs.rules.duties import load_duties
from portal.provinces import PROVINCES
from portal.words import LANGUAGES, Words, chosen, strings
from services.aftercare.due.api import What

ROOT = Path(__file__).parents[3]
ASKED = re.compile(r"\bw(?:ords)?\(\s*[\"']([a-z_0-9]+\.[a-z_0-9-]+)[\"']\s*[,)]")


def test_every_string_that_a_page_asks_for_is_there() -> None:
    sources = [*(ROOT / "portal").rglob("*.html"), *(ROOT / "portal").rglob("*.py")]
    asked = {name for path in sources for name in ASKED.findall(path.read_text(encoding="utf-8"))}
    assert len(asked) > 100
    assert asked <= set(strings())


def test_no_two_languages_say_a_sentence_alike() -> None:
    """A sentence that was left untranslated would stand twice; short names and marks may agree."""
    long = {key: texts for key, texts in strings().items() if len(texts[0].split()) > 3}
    assert not [key for key, texts in long.items() if len(set(texts)) != len(LANGUAGES)]


@pytest.mark.parametrize(("language", "script"), [("km", "\u1780-\u17ff"), ("th", "\u0e00-\u0e7f")])
def test_a_language_is_written_in_its_script(language: str, script: str) -> None:
    words = Words(language)
    plain = {key for key in strings() if not re.search(f"[{script}]", words(key))}
    assert plain <= {"sign_in.development", "courts.p90"}, "these stand in another script"


def test_the_values_in_braces_are_the_same_in_every_language() -> None:
    wrong = [
        key
        for key, texts in strings().items()
        if len({tuple(sorted(re.findall(r"{(\w+)}", one))) for one in texts}) > 1
    ]
    assert not wrong


def test_no_event_is_named_that_nobody_records_and_the_contracts_six_are_named() -> None:
    """An event without a name here is shown by its own; the map of names must not tell of events that are gone."""
    recorded = {file.name.rpartition(".v")[0] for file in (ROOT / "tests" / "history").glob("*.json")}
    named = {key.removeprefix("event.") for key in strings() if key.startswith("event.")}
    assert named <= recorded
    assert named >= {
        "identification.identified", "identification.screened", "identification.determined", "referral.referred",
        "repatriation.repatriated", "justice.prosecuted",
    }  # fmt: skip


def test_whatever_falls_due_has_a_name() -> None:
    named = {key.removeprefix("due.") for key in strings() if key.startswith("due.")}
    assert named >= set(load_duties().by_kind) | set(get_args(What))


def test_the_map_has_every_province_once() -> None:
    assert set(PROVINCES) == {f"KH-{number}" for number in range(1, 26)}
    assert len({(one.column, one.row) for one in PROVINCES.values()}) == len(PROVINCES)
    assert all(len(one.names) == len(LANGUAGES) for one in PROVINCES.values())


def test_the_language_is_the_one_chosen_else_the_browsers_else_english() -> None:
    assert chosen("th", "km") == "th"
    assert chosen("xx", "de-DE,vi;q=0.8,en;q=0.5") == "vi"
    assert chosen(None, "") == "en"
