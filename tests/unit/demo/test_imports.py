"""The demonstration's import: a report that is not the sample's truth is a difference."""

from typing import Any

from nrm.demo.imports import PARTNER, import_differences, in_both, truth_of

TRUTH = truth_of()


def reports(**changes: Any) -> list[dict[str, Any]]:
    counts = TRUTH["counts"]
    first = {
        "rows": TRUTH["rows"], "counts": counts, "by_rule": {"reasons": TRUTH["reasons"], "notes": TRUTH["notes"]},
    }  # fmt: skip
    second = {"counts": {**counts, "recorded": 0, "duplicate": counts["recorded"] + counts["duplicate"]}}
    return [first | changes, second]


def test_the_truth_differs_in_nothing() -> None:
    assert import_differences(TRUTH, reports()) == []


def test_a_row_too_many_is_named() -> None:
    assert "rows" in import_differences(TRUTH, reports(rows=TRUTH["rows"] + 1))[0]


def test_a_second_time_that_records_something_is_named() -> None:
    first, second = reports()
    second["counts"] = {**second["counts"], "recorded": 1}
    assert "second time" in import_differences(TRUTH, [first, second])[0]


def test_who_is_in_both_files_is_known_by_the_samples_truth() -> None:
    there = truth_of(system=PARTNER)
    first, last = (
        [_row(f"{name}-{at}") for at in range(len(of["persons"]))] for name, of in (("a", TRUTH), ("b", there))
    )
    pairs = in_both([{"items": first}, {}, {"items": last}])
    persons = [(TRUTH["persons"][_at(one)], there["persons"][_at(other)]) for one, other in pairs]
    assert len(persons) == len(set(TRUTH["persons"]) & set(there["persons"]) - {None})
    assert all(one == other for one, other in persons)
    assert in_both([{"items": [row | {"status": "refused"} for row in first]}, {}, {"items": last}]) == []


def _row(case_id: str) -> dict[str, Any]:
    return {"status": "recorded", "case_id": case_id}


def _at(case_id: str) -> int:
    return int(case_id.partition("-")[2])
