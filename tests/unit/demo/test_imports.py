"""The demonstration's import: a report that is not the sample's truth is a difference."""

from typing import Any

from nrm.demo.imports import import_differences, truth_of

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
