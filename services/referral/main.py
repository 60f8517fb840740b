"""The referral process."""

from fastapi import APIRouter

from libs.runtime.service import run_service, service_app
from services.referral.api import router as referrals
from services.referral.line.api import router as line
from services.referral.need.api import router as needs
from services.referral.options.api import router as options
from services.referral.provider.api import router as providers
from services.referral.reactions import KNOWN

router = APIRouter()
for part in (providers, referrals, options, needs, line):
    router.include_router(part)

if __name__ == "__main__":
    run_service(service_app("referral", router, KNOWN), "referral")
