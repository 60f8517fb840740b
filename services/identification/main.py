"""The identification process."""

import asyncio

from fastapi import APIRouter

from libs.runtime.edge import Edge
from libs.runtime.service import run_service, service_app
from services.identification.advice.api import router as advice
from services.identification.api import router as cases
from services.identification.due.api import router as due
from services.identification.due.of_age import sweep
from services.identification.duplicates.api import router as duplicates
from services.identification.duplicates.index import keep_index
from services.identification.notice.api import router as notices
from services.identification.reactions import KNOWN

router = APIRouter()
for part in (cases, advice, duplicates, due, notices):
    router.include_router(part)


async def beside(edge: Edge) -> None:
    """What runs beside the requests: the index of duplicates, and who comes of age."""
    await asyncio.gather(keep_index(edge), sweep(edge))


if __name__ == "__main__":
    run_service(service_app("identification", router, KNOWN, beside=beside), "identification")
