"""Persons known to several systems: linked cases are one person; disagreements; no small cell by subtraction."""

from datetime import date

from projections.coverage.queries import OURS, Record, histories, joined, pairs, systems, totals


def record(number: int, system: str, **facts: object) -> Record:
    return Record(f"KH-{number}", system, **facts)


def test_linked_cases_are_one_person_however_the_links_run() -> None:
    records = [record(1, "a"), record(2, "b"), record(3, "c"), record(4, "a"), record(5, OURS)]
    found = joined(records, [("KH-1", "KH-2"), ("KH-3", "KH-2"), ("KH-9", "KH-9")])
    assert sorted(sorted(person) for person in found.persons) == [["a"], ["a", "b", "c"], [OURS]]
    assert histories(found, ["a", "b"]) == {(True, True): 1, (True, False): 1}
    assert totals(found, 0) == {"persons": 3, "known_to": {"1": 2, "3": 1}}


def test_a_pair_of_systems_says_what_each_knows_and_where_they_differ() -> None:
    first = record(1, "a", met_on=date(2011, 1, 1), age_group="18-20", claim="victim")
    other = record(2, "b", met_on=date(2011, 1, 2), age_group="18-20", claim="suspected")
    found = joined([first, other, record(3, "a"), record(4, "b"), record(5, "b"), record(6, "c")], [("KH-1", "KH-2")])
    assert pairs(found, 0)[0] == {
        "systems": ["a", "b"], "both": 1, "only": {"a": 1, "b": 2},
        "disagreements": {"date": 1, "age": 0, "status": 1}, "never_joined": False,
    }  # fmt: skip
    assert pairs(found, 0)[1]["never_joined"]


def test_what_is_not_stated_is_no_disagreement() -> None:
    found = joined([record(1, "a", age_group="unknown"), record(1, "b", age_group="18-20")], [])
    assert pairs(found, 0)[0]["disagreements"] == {"date": 0, "age": 0, "status": 0}


def test_small_counts_of_a_pair_are_hidden_together() -> None:
    records = [record(number, "a") for number in range(40)] + [record(number, "b") for number in range(20, 55)]
    assert pairs(joined(records, []), 11)[0]["both"] == 20
    records = [record(number, "a") for number in range(40)] + [record(number, "b") for number in range(35, 80)]
    hidden = pairs(joined(records, []), 11)[0]
    assert (hidden["both"], hidden["only"]) == (None, {"a": None, "b": None})
    assert systems(joined(records, []), 11)[0]["persons"] == 40


def test_the_share_of_records_that_state_a_fact() -> None:
    records = [record(1, "a", filled=("sex",), beyond=("court",)), record(2, "a", filled=("sex", "age"))]
    records += [record(3, "a"), record(4, "a")]
    found = systems(joined(records, []), 0)[0]
    assert (found["persons"], found["records"]) == (4, 4)
    assert found["filled_percent"] == {"age": 25, "sex": 50}
    assert found["beyond_percent"] == {"court": 25}
    assert systems(joined(records, []), 11)[0]["filled_percent"] == {}
