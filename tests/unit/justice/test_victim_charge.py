"""A victim is not to be punished for what was done while trafficked: every such charge is looked at."""

import pytest

from libs.events.catalogue.justice import (
    NonProsecutionAlertAssigned,
    NonProsecutionAlertRaised,
    NonProsecutionAlertResolved,
    VictimCharged,
)
from libs.events.testing import given
from services.justice.victim_charge.api import basis_of
from services.justice.victim_charge.commands import AssignAlert, ChargeVictim, ResolveAlert
from services.justice.victim_charge.decider import VICTIM_CHARGE

SAME = {
    "victim_charge_id": "v1",
    "case_id": "KH-3RSM-QN8H",
    "court": "phnom-penh-court",
    "province": "KH-12",
    "statute": "lshtse-2008",
    "article": "24",
}
CHARGED = VictimCharged(**SAME, kind="soliciting", committed_on="2009-09-23", personal={"conduct": "x"})
RAISED = NonProsecutionAlertRaised(**SAME, basis="determined_victim")
ASSIGNED = NonProsecutionAlertAssigned(**SAME, assignee="nrm-authority", personal={})
RESOLVED = NonProsecutionAlertResolved(**SAME, resolution="charge_withdrawn", personal={})


def test_a_charge_against_a_victim_raises_an_alert() -> None:
    given(VICTIM_CHARGE).when(ChargeVictim(CHARGED, "determined_victim")).then(CHARGED, RAISED)
    given(VICTIM_CHARGE).when(ChargeVictim(CHARGED, None)).then(CHARGED)


def test_the_alert_is_assigned_and_resolved_once() -> None:
    given(VICTIM_CHARGE, CHARGED, RAISED).when(AssignAlert("nrm-authority", None)).then(ASSIGNED)
    given(VICTIM_CHARGE, CHARGED, RAISED, ASSIGNED).when(ResolveAlert("charge_withdrawn")).then(RESOLVED)
    given(VICTIM_CHARGE, CHARGED, RAISED, RESOLVED).when(ResolveAlert("other")).then_refused("already-resolved")


def test_the_alert_is_raised_late_where_the_person_became_a_victim_late() -> None:
    given(VICTIM_CHARGE, CHARGED).when(AssignAlert("nrm-authority", "determined_victim")).then(RAISED, ASSIGNED)
    given(VICTIM_CHARGE, CHARGED).when(AssignAlert("nrm-authority", None)).then_refused("no-alert")
    given(VICTIM_CHARGE, CHARGED).when(ResolveAlert("other")).then_refused("no-alert")


@pytest.mark.parametrize(
    ("outcome", "screening", "basis"),
    [
        ("victim", "not_presumed", "determined_victim"),
        (None, "presumed_victim", "presumed_victim"),
        ("inconclusive", "presumed_victim", "presumed_victim"),
        (None, None, "not_yet_decided"),
        ("not_victim", "presumed_victim", None),
        ("smuggled_migrant", None, None),
    ],
)
def test_an_alert_rests_on_what_the_person_is_held_for(
    outcome: str | None, screening: str | None, basis: str | None
) -> None:
    assert basis_of({"outcome": outcome, "screening": screening}) == basis
