"""Small cells are hidden, and what is shown gives none of them away by subtraction along a line."""

from hypothesis import given
from hypothesis import strategies as st

from projections.statistics.queries import margins, table

K = 11
Counts = dict[tuple[str, ...], int]


def people(counts: Counts) -> dict[tuple[str, ...], frozenset[str]]:
    return {key: frozenset(f"{key}-{one}" for one in range(number)) for key, number in counts.items()}


def hide(counts: Counts) -> set[tuple[str, ...]]:
    groups = [f"g{number}" for number in range(len(next(iter(counts))))]
    shown = table(groups, people(counts), K)
    return {tuple(row[name] for name in groups) for row in shown.rows if row["cases"] is None}


def test_a_single_small_cell_takes_the_next_smallest_with_it() -> None:
    assert hide({("female",): 40, ("male",): 5, ("intersex",): 20}) == {("male",), ("intersex",)}


def test_nothing_is_hidden_where_nothing_is_small() -> None:
    assert hide({("female",): 40, ("male",): 11}) == set()
    assert table(["sex"], people({("male",): 3}), 0).rows == [{"sex": "male", "cases": 3}]


def test_a_small_total_is_hidden() -> None:
    assert table(["sex"], people({("male",): 3}), K).total is None
    assert table([], people({(): 12}), K).total == 12


def test_two_small_cells_whose_sum_is_small_take_a_third() -> None:
    assert hide({("a",): 1, ("b",): 1, ("c",): 30, ("d",): 50}) == {("a",), ("b",), ("c",)}


def test_margins_are_every_coarser_table() -> None:
    found = margins(people({("a", "x"): 2, ("a", "y"): 3, ("b", "x"): 4}))
    assert sorted(map(len, found)) == [3, 4, 5, 6, 9]


COUNTS = st.dictionaries(
    st.tuples(st.sampled_from("abc"), st.sampled_from("xyz")), st.integers(1, 40), min_size=1, max_size=9
)


@given(COUNTS)
def test_what_is_hidden_is_more_than_one_and_not_few(counts: Counts) -> None:
    hidden = hide(counts)
    assert {key for key, number in counts.items() if 0 < number < K} <= hidden
    if hidden and table(["g0", "g1"], people(counts), K).total is not None:
        assert len(hidden) > 1
        assert sum(counts[key] for key in hidden) >= K
