"""What a view lacks is named by stream and version; what is recorded while it is looked at is no difference."""

from nrm.log.lacking import unapplied

BEFORE = {"case:a": ("identification", 3), "case:b": ("identification", 1), "shelter:s": ("aftercare", 2)}


def test_a_view_that_has_everything_lacks_nothing() -> None:
    assert unapplied("v", {"case:a": 3, "case:b": 1, "shelter:s": 2}, BEFORE, BEFORE) == []


def test_the_next_event_of_each_stream_that_is_behind_is_named() -> None:
    found = unapplied("v", {"case:a": 1, "shelter:s": 2}, BEFORE, BEFORE)
    assert [(one.service, one.place, one.stream, one.version) for one in found] == [
        ("identification", "v", "case:a", 2),
        ("identification", "v", "case:b", 1),
    ]


def test_what_was_recorded_meanwhile_is_no_difference() -> None:
    after = {**BEFORE, "case:a": ("identification", 4), "case:c": ("identification", 1)}
    assert unapplied("v", {"case:a": 4, "case:b": 1, "case:c": 1, "shelter:s": 2}, BEFORE, after) == []


def test_what_no_log_has_is_named() -> None:
    found = unapplied("v", {"case:a": 4, "case:b": 1, "case:x": 1, "shelter:s": 2}, BEFORE, BEFORE)
    assert [(one.service, one.stream, one.version) for one in found] == [
        ("identification", "case:a", 4),
        ("?", "case:x", 1),
    ]
