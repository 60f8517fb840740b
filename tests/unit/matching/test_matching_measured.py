"""How well matching does, on a seed that set no weight; the whole measurement is `python -m bench.matching`."""

from bench.matching.measure import measure
from bench.matching.people import records
from libs.matching.weights import load_weights


def test_precision_and_recall_hold() -> None:
    told = measure(records(7, 700), load_weights())
    assert told.true > 100
    assert told.recall_possible >= 0.9
    assert told.precision >= 0.95
    assert told.recall >= 0.87
