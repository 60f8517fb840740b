"""`nrm portal`: the link that signs in to the pages of the system that runs here; development only."""

import json
from typing import Annotated

import typer

from libs.runtime.settings import Settings
from nrm.running import running_settings


def command(
    *, as_json: Annotated[bool, typer.Option("--json", help="one JSON object on standard output")] = False
) -> None:
    """The link that signs in to the pages; it holds for an hour, on this data folder's system only."""
    from portal.sign_in import LINK_S, link  # noqa: PLC0415 - `nrm --help` is quick without it

    address = link(running_settings(Settings()))
    if not address:
        typer.echo("tokens come from an issuer here (NRM_JWKS_URL): sign in at the portal", err=True)
        raise typer.Exit(2)
    typer.echo(json.dumps({"link": address, "ttl_s": LINK_S}) if as_json else address)
