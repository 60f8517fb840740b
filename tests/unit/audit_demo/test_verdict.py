"""When an attack counts as found: every one of its events is named, and the honest export is accepted."""

import json

from nrm.audit_demo.auditor import Verdict, read_verdict
from nrm.audit_demo.ground import Done
from nrm.audit_demo.live import Noticed
from nrm.audit_demo.report import Outcome, Tried

PAIR = Done("a pair was swapped", ("a", "b"))
OK = Verdict(9, ())


def bad(*ids: str) -> Verdict:
    return Verdict(7, tuple((one, f"what {one} is") for one in ids))


def test_an_attack_is_found_only_where_every_event_of_it_is_named() -> None:
    assert bad("b", "x", "a").names(PAIR)
    assert not bad("a").names(PAIR)
    assert not OK.names(PAIR)
    assert not bad("a").names(Done("nothing", ()))


def test_what_is_said_is_about_the_attack() -> None:
    assert bad("x", "b").about(PAIR) == "BAD b: what b is (and 1 more)"
    assert bad("x").about(PAIR) == "BAD x: what x is"
    assert OK.about(PAIR) == "OK 9 events"


def test_reads_what_nrm_verify_prints() -> None:
    found = [{"event_id": "a", "what": "swapped"}]
    assert read_verdict(json.dumps({"ok": False, "events": 3, "findings": found})) == Verdict(3, (("a", "swapped"),))


def test_the_demonstration_is_good_only_where_all_of_it_is() -> None:
    found, missed = Tried("swapped", "export", PAIR, bad("a", "b")), Tried("swapped", "export", PAIR, OK)
    noticed = Noticed("an attack", "an alarm", found=True)
    assert Outcome(OK, [found], [noticed]).good
    assert not Outcome(OK, [found, missed], [noticed]).good
    assert not Outcome(OK, [found], [Noticed("an attack", "nothing", found=False)]).good
    assert not Outcome(bad("x"), [found], [noticed]).good
    assert not Outcome(None, [found], [noticed]).good
    assert not Outcome(Verdict(0, ()), [found], [noticed]).good
