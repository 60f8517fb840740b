"""Small cells are hidden, and what is shown gives none of them away by subtraction along a line."""

from hypothesis import given
from hypothesis import strategies as st

from projections.statistics.queries import hide, table

K = 11


def test_a_single_small_cell_takes_the_next_smallest_with_it() -> None:
    assert hide({("female",): 40, ("male",): 5, ("intersex",): 20}, K) == {("male",), ("intersex",)}


def test_nothing_is_hidden_where_nothing_is_small() -> None:
    assert hide({("female",): 40, ("male",): 11}, K) == set()
    assert table(["sex"], {("male",): 3}, 3, 0).rows == [{"sex": "male", "cases": 3}]


def test_a_small_total_is_hidden() -> None:
    assert table(["sex"], {("male",): 3}, 3, K).total is None


COUNTS = st.dictionaries(
    st.tuples(st.sampled_from("abc"), st.sampled_from("xyz")), st.integers(0, 40), min_size=1, max_size=9
)


@given(COUNTS)
def test_no_line_gives_a_small_cell_away(counts: dict[tuple[str, str], int]) -> None:
    hidden = hide(counts, K)
    assert {key for key, number in counts.items() if 0 < number < K} <= hidden
    for index in (0, 1):
        for value in {key[1 - index] for key in counts}:
            line = [key for key in counts if key[1 - index] == value]
            inside = [key for key in line if key in hidden]
            others = [key for key in line if key not in hidden and counts[key]]
            if len(inside) == 1:
                assert not others
