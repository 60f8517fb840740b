"""How well matching does, on a seed that set no weight; the whole measurement is `python -m bench.matching`."""

from bench.matching.learn import learned
from bench.matching.measure import Measured, measure
from bench.matching.people import TUNED_ON, records
from libs.matching.scoring import Contribution, Match
from libs.matching.weights import load_weights

UNSEEN = 7


def test_precision_and_recall_hold() -> None:
    assert UNSEEN != TUNED_ON
    told: Measured = measure(records(UNSEEN, 2_000), load_weights())
    assert told.true > 400
    assert told.recall_possible >= 0.93
    assert told.precision >= 0.95
    assert told.recall >= 0.90


def test_points_are_learned_for_all_features_together() -> None:
    """Two features that always agree together are worth together what one of them is worth, not twice as much."""

    def pairs(*features: str) -> list[tuple[Match, bool]]:
        agreed = Match(0, "", tuple(Contribution(name, "same", 0) for name in features))
        return [(agreed, one < 80) for one in range(100)] + [(Match(0, "", ()), one < 20) for one in range(100)]

    base, alone = learned(pairs("name"), penalty=1e-6)
    assert round(base) == -20  # odds of one to four
    assert round(alone["name", "same"]) == 40  # from one to four, to four to one: sixteen times
    _, both = learned(pairs("name", "twin"), penalty=1e-6)
    assert round(both["name", "same"] + both["twin", "same"]) == 40
