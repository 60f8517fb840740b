"""Names of four scripts: what is one name in another spelling, and what is another name."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from libs.matching.names import latin, likeness, name_of, sound

CLOSE, NEAR = 90, 78
SOUNDS_LIKE = {"same", "same_sound", "alike_sound", "same_consonants"}


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (("សុខ", "ចាន់ថា"), ("Sok", "Chantha")),
        (("ប៉ែន", "វិចិត្រ"), ("Pen", "Vichet")),
        (("គឹម", "ស្រីមុំ"), ("KIM", "Srey Mom")),
        (("ជា", "សុវណ្ណារ៉ា"), ("Chea", "Sovannara")),
        (("ใจดี", "กิตติศักดิ์"), ("Jaidee", "Kittisak")),
        (("ทองคำ", "วิไล"), ("Thongkam", "Wilai")),
        (("Nguyễn", "Thị Hồng"), ("Nguyen", "Hong")),
        (("Đặng", "Thùy Trâm"), ("DANG", "THUY TRAM")),
    ],
)
def test_a_name_is_known_in_another_script(one: tuple[str, str], other: tuple[str, str]) -> None:
    ignored = {"thi"}
    assert likeness(name_of(*one, ignored=ignored), name_of(*other, ignored=ignored), CLOSE, NEAR) in SOUNDS_LIKE


@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [
        (("Sok", "Chantha"), ("Chantha", "Sok"), "same"),  # given name first
        (("Sok", "Chan Tha"), ("Sok", "Chantha"), "same"),  # one word or two
        (("Sok", "Chantha"), (None, "Sokchantha"), "same"),  # all in one field
        (("Sokh", "Chantha"), ("Sok", "Chhantha"), "same_sound"),
        (("Chaidi", "Kittisak"), ("Jaidee", "Kittisak"), "alike_sound"),
        (("Chea", "Thon"), ("Chear", "Thorn"), "same_sound"),  # an r that only lengthens the vowel
        (("Sok", "Chantha"), ("Sok", "Chanthan"), "near"),
        (("Sok", "Chantha"), (None, "Chantha"), "part"),  # the family name is missing
        (("Sok", "Chantha"), ("Sok", "Dara"), "different"),
        (("Sok", "Chantha"), ("Heng", "Bopha"), "different"),
        ((None, None), ("Heng", "Bopha"), "unknown"),
    ],
)
def test_how_alike(one: tuple[str | None, ...], other: tuple[str | None, ...], expected: str) -> None:
    assert likeness(name_of(*one), name_of(*other), CLOSE, NEAR) == expected


def test_unicode_forms_and_invisible_signs_make_no_difference() -> None:
    assert latin("Nguyễn") == latin("Nguyễn".encode().decode()) == "nguyen"
    assert latin("សុខ\u200bចាន់") == latin("សុខចាន់")
    assert latin("ＳＯＫ  Chan-Tha") == "sok chan tha"


def test_titles_count_for_nothing_unless_they_are_all_there_is() -> None:
    assert name_of("Ms Sok", ignored={"ms"}).words == ("sok",)
    assert name_of("Ms", ignored={"ms"}).words == ("ms",)


@given(st.text(max_size=40), st.text(max_size=40))
def test_any_text_is_compared_and_in_any_order_alike(one: str, other: str) -> None:
    first, second = name_of(one, other), name_of(other)
    assert likeness(first, second, CLOSE, NEAR) == likeness(second, first, CLOSE, NEAR)
    assert likeness(first, first, CLOSE, NEAR) == ("same" if first.words else "unknown")
    assert all(sound(word).isascii() for word in first.words)
