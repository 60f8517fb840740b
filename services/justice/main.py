"""The justice process."""

from fastapi import APIRouter

from libs.runtime.service import run_service, service_app
from services.justice.api import router as court_cases
from services.justice.reactions import KNOWN
from services.justice.victim_charge.api import router as victim_charges
from services.justice.warnings.api import router as warnings

router = APIRouter()
router.include_router(court_cases)
router.include_router(victim_charges)
router.include_router(warnings)

if __name__ == "__main__":
    run_service(service_app("justice", router, KNOWN), "justice")
