"""The aftercare process."""

from fastapi import APIRouter

from libs.runtime.service import run_service, service_app
from services.aftercare.api import expire_holds
from services.aftercare.api import router as shelters
from services.aftercare.care.api import router as care
from services.aftercare.reactions import KNOWN

router = APIRouter()
for part in (shelters, care):
    router.include_router(part)

if __name__ == "__main__":
    run_service(service_app("aftercare", router, KNOWN, beside=[expire_holds]), "aftercare")
