"""The identification process."""

from fastapi import APIRouter

from libs.runtime.service import run_service, service_app
from services.identification.api import router as cases
from services.identification.duplicates.api import router as duplicates
from services.identification.duplicates.index import keep_index
from services.identification.reactions import KNOWN

router = APIRouter()
for part in (cases, duplicates):
    router.include_router(part)

if __name__ == "__main__":
    run_service(service_app("identification", router, KNOWN, beside=keep_index), "identification")
