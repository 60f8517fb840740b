"""The identification process."""

from fastapi import APIRouter

from libs.runtime.service import run_service, service_app
from services.identification.advice.api import router as advice
from services.identification.api import router as cases
from services.identification.due.api import router as due
from services.identification.due.of_age import sweep
from services.identification.duplicates.api import router as duplicates
from services.identification.duplicates.index import keep_index
from services.identification.imports.api import router as imports
from services.identification.imports.worker import take_in_files
from services.identification.notice.api import router as notices
from services.identification.reactions import KNOWN

router = APIRouter()
for part in (cases, advice, duplicates, due, imports, notices):
    router.include_router(part)


if __name__ == "__main__":
    app = service_app("identification", router, KNOWN, beside=[take_in_files, keep_index, sweep])
    run_service(app, "identification")
