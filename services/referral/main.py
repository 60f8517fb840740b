"""The referral process."""

from libs.runtime.service import run_service, service_app
from services.referral.api import router
from services.referral.reactions import KNOWN

if __name__ == "__main__":
    run_service(service_app("referral", router, KNOWN), "referral")
