"""A court case to try rules on: two accused, three charges, two victims."""

from datetime import date

from libs.events.catalogue.justice import Accused, AppealLodged, Charge, Prosecuted, VerdictGiven
from libs.rules.statutes import load_statutes
from services.justice.commands import GiveVerdict, Judgement, NewCharge, Prosecute

LAW = load_statutes()
BEGAN, LATER = date(2009, 3, 1), date(2009, 9, 1)
CASES = ("KH-3RSM-QN8H", "KH-DB6G-V033")
RECRUITMENT, SALE = ("a1", "lshtse-2008", "12"), ("a1", "lshtse-2008", "13")
OF_COURT = {"court_case_id": "c1", "case_ids": CASES, "court": "phnom-penh-court", "province": "KH-12"}


def of(key: tuple[str, str, str]) -> dict[str, object]:
    return {**OF_COURT, "accused_ref": key[0], "statute": key[1], "article": key[2]}


def charge(key: tuple[str, str, str], counts: int = 1, on: str = "2009-03-01", kind: str = "trafficking") -> Charge:
    return Charge(
        accused_ref=key[0], statute=key[1], article=key[2], counts=counts, kind=kind, committed_on=on, charged_on=on
    )


def prosecuted(case_id: str) -> Prosecuted:
    return Prosecuted(
        court_case_id="c1",
        case_id=case_id,
        court="phnom-penh-court",
        province="KH-12",
        accused=(Accused(ref="a1", sex="male"), Accused(ref="a2")),
        charges=(charge(RECRUITMENT, counts=2), charge(SALE)),
    )


OPENED = tuple(prosecuted(case_id) for case_id in CASES)
CONVICTED = VerdictGiven(**of(RECRUITMENT), result="convicted", prison_months=96, compensation_khr=500)
LODGED = AppealLodged(**of(RECRUITMENT), lodged_by="defence", personal={})


def prosecute(*charges: NewCharge, on: date = BEGAN) -> Prosecute:
    accused = (Accused(ref="a1", sex="male"), Accused(ref="a2"))
    return Prosecute("c1", CASES, "phnom-penh-court", "KH-12", accused, charges, on, LAW)


def verdict(
    result: str = "convicted",
    key: tuple[str, str, str] = RECRUITMENT,
    prison: int | None = None,
    fine: int | None = None,
    compensation: int = 0,
    on: date = LATER,
) -> GiveVerdict:
    return GiveVerdict(key, Judgement(result, prison, fine, compensation), on, LAW)
