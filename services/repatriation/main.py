"""The repatriation process."""

from libs.runtime.service import run_service, service_app
from services.repatriation.api import router
from services.repatriation.reactions import KNOWN

if __name__ == "__main__":
    run_service(service_app("repatriation", router, KNOWN), "repatriation")
