"""Estimates of those whom no list has, against published figures; and when there is none."""

from itertools import combinations, product

import pytest

from libs.estimates.capture import CannotEstimate, chapman, estimate, fit, lincoln_petersen

# Hepatitis A in a college in northern Taiwan, 1995: 271 cases in a serum test's list (135), hospitals' records (122)
# and the epidemiologists' list (126). Chao, Tsay, Lin, Shau, Chao (2001), Statistics in Medicine 20, 3123-3157.
HEPATITIS = {
    (True, False, False): 69, (False, True, False): 55, (False, False, True): 63, (True, True, False): 21,
    (True, False, True): 17, (False, True, True): 18, (True, True, True): 28,
}  # fmt: skip
ALL_PAIRS = tuple(combinations(range(3), 2))


def test_the_textbook_lake() -> None:
    """10 animals marked, 15 caught, 5 of them marked: 30 by Lincoln and Petersen, 28 by Chapman, 22 to 65."""
    assert lincoln_petersen(10, 15, 5) == 30
    found = chapman(10, 15, 5)
    assert (found.known, round(found.total), round(found.low), round(found.high)) == (20, 28, 22, 65)


def test_the_published_lists_are_those() -> None:
    sizes = [sum(count for history, count in HEPATITIS.items() if history[place]) for place in range(3)]
    assert (sizes, sum(HEPATITIS.values())) == ([135, 122, 126], 271)


def test_independent_lists_give_the_published_388() -> None:
    found = fit(HEPATITIS, ())
    assert found is not None
    assert round(271 + found.unseen) == 388


def test_all_pairwise_dependences_give_the_published_1313() -> None:
    found = fit(HEPATITIS, ALL_PAIRS)
    assert found is not None
    assert round(271 + found.unseen) == 1313
    # three lists with all pairs have one solution: n111 n100 n010 n001 / (n110 n101 n011)
    assert found.unseen == pytest.approx(28 * 69 * 55 * 63 / (21 * 17 * 18))
    assert 505 < found.variance**0.5 < 530  # published: 520


def test_the_chosen_model_is_the_one_of_least_aic() -> None:
    found = estimate(HEPATITIS)
    fits = [fit(HEPATITIS, model) for size in range(4) for model in combinations(ALL_PAIRS, size)]
    best = min((one for one in fits if one), key=lambda one: one.aic)
    assert found.total == pytest.approx(271 + best.unseen)
    assert found.known < found.low < found.total < found.high
    assert any("closed" in one for one in found.assumptions)


@pytest.mark.parametrize("lists", [2, 3, 4])
def test_independent_lists_of_a_known_population_give_it_back(lists: int) -> None:
    population, chances = 4000, (0.5, 0.4, 0.3, 0.25)[:lists]
    histories = {}
    for history in product((True, False), repeat=lists):
        if any(history):
            share = float(population)
            for seen, chance in zip(history, chances, strict=True):
                share = share * (chance if seen else 1 - chance)
            histories[history] = round(share)
    found = estimate(histories)
    assert found.low < population < found.high
    assert found.total == pytest.approx(population, rel=0.02)


@pytest.mark.parametrize(
    ("histories", "rule"),
    [
        ({}, "lists-wanted"),
        ({(True,): 5}, "lists-wanted"),
        ({(True,) * 5: 50}, "lists-wanted"),
        ({(True, False): 50, (False, True): 60, (True, True): 6}, "overlap-too-small"),
        (HEPATITIS | {(True, True, True): 0, (True, True, False): 3}, "overlap-too-small"),
    ],
)
def test_where_the_data_carry_no_estimate_there_is_none(histories: dict[tuple[bool, ...], int], rule: str) -> None:
    with pytest.raises(CannotEstimate, match=rule):
        estimate(histories)
