"""`nrm portal`: the link that signs in to the pages of the system that runs here; development only."""

import json
from typing import Annotated

import typer

from libs.runtime.settings import Settings
from nrm.running import running_settings
from nrm.stopping import stop

TIMEOUT_S = 5


def command(
    *, as_json: Annotated[bool, typer.Option("--json", help="one JSON object on standard output")] = False
) -> None:
    """The link that signs in to the pages; it holds for an hour, on this data folder's system only."""
    from portal.sign_in import LINK_S, link  # noqa: PLC0415 - `nrm --help` is quick without it

    settings = running_settings(Settings())
    address = link(settings)
    if not address:
        stop("portal", "tokens come from an issuer here (NRM_JWKS_URL): sign in at the portal")
    _require_answer(settings.url("portal"))
    typer.echo(json.dumps({"link": address, "ttl_s": LINK_S}) if as_json else address)


def _require_answer(base: str) -> None:
    import httpx2  # noqa: PLC0415 - as above

    try:
        httpx2.get(f"{base}/health/live", timeout=TIMEOUT_S, trust_env=False)
    except httpx2.HTTPError:
        stop("portal", f"the portal does not answer at {base}: start it with `nrm run`")
