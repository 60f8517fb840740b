"""The aftercare process."""

from libs.runtime.service import run_service, service_app
from services.aftercare.api import expire_holds, router
from services.aftercare.reactions import KNOWN

if __name__ == "__main__":
    run_service(service_app("aftercare", router, KNOWN, beside=expire_holds), "aftercare")
