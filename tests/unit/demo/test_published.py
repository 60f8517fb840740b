"""The made-up court cases imply every published figure, by the tally of the files alone, and are always the same."""

from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from nrm.demo.published import Compared, Figure, Published, compare, read_published
from nrm.demo.tally import tally

FOUND = read_published()
assert FOUND
PUBLISHED: Published = FOUND


def test_the_file_has_every_check_figure_of_the_domain() -> None:
    found = {(one.year, one.measure): one.count for one in PUBLISHED.figures}
    assert found == {(2008, "prosecutions"): 52, (2008, "convicted"): 52, (2009, "prosecutions"): 71,
                     (2009, "convicted"): 12, (2010, "convicted"): 36, (2011, "prosecutions"): 72,
                     (2011, "convicted"): 20}  # fmt: skip


@pytest.mark.parametrize("figure", PUBLISHED.figures, ids=str)
def test_the_histories_imply_every_figure(figure: Figure) -> None:
    history = next(one for one in PUBLISHED.histories if one.name == f"published-{figure.year}")
    counted = tally([history])
    rows = counted.outcomes_by_court if figure.court else counted.outcomes_by_year
    assert set(counted.outcomes_by_year) == {str(figure.year)}
    assert getattr(rows[figure.court or str(figure.year)], figure.measure) == figure.count


def test_everything_lies_in_the_months_that_both_years_share() -> None:
    moments = [step.occurred_at for history in PUBLISHED.histories for step in history.steps]
    assert {moment.month for moment in moments} <= set(range(4, 13))


def test_the_same_seed_makes_the_same_cases() -> None:
    assert read_published() == PUBLISHED


def test_a_folder_without_the_file_has_none(tmp_path: Path) -> None:
    assert read_published(tmp_path) is None


async def test_a_view_that_counts_otherwise_is_found() -> None:
    asked: Counter[str] = Counter()

    async def get(_: str, query: Any) -> dict[str, Any]:
        asked[query["group_by"]] += 1
        return {"totals": {"convicted": 36 if query["group_by"] == "year" else 35}}

    figure = Figure(2010, "convicted", 36)
    (found,) = await compare(get, (figure,))
    assert found == Compared(figure, 36, 35)
    assert found.differs
    assert asked == {"year": 1, "reporting_year": 1}
