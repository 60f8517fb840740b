"""The aftercare process."""

from fastapi import APIRouter

from libs.runtime.service import run_service, service_app
from services.aftercare.alert.api import router as alerts
from services.aftercare.alert.api import watch
from services.aftercare.api import expire_holds
from services.aftercare.api import router as shelters
from services.aftercare.care.api import router as care
from services.aftercare.due.api import router as due
from services.aftercare.plan.api import router as plans
from services.aftercare.reactions import KNOWN

router = APIRouter()
for part in (shelters, care, plans, alerts, due):
    router.include_router(part)


if __name__ == "__main__":
    run_service(service_app("aftercare", router, KNOWN, beside=[expire_holds, watch]), "aftercare")
