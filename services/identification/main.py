"""The identification process."""

from libs.runtime.service import run_service, service_app
from services.identification.api import router
from services.identification.reactions import KNOWN

if __name__ == "__main__":
    run_service(service_app("identification", router, KNOWN), "identification")
