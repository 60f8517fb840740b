"""A bearer token of this data folder's development key, alone on the last line."""

import json
import re
from typing import Annotated

import typer

from libs.runtime.auth import SLUG, mint
from libs.runtime.policy import EVERYONE
from libs.runtime.settings import Settings

_UNITS_S = {"s": 1, "m": 60, "h": 3600, "d": 86_400}


def command(
    org: Annotated[str, typer.Option(help="organisation, a lower-case slug such as cnp-poipet")],
    role: Annotated[str, typer.Option(help="role, or several separated by commas")],
    ttl: Annotated[str, typer.Option(help="how long it holds: 90s, 30m, 1h, 7d")] = "1h",
    *,
    as_json: Annotated[bool, typer.Option("--json", help="one JSON object on standard output")] = False,
) -> None:
    """A bearer token of this data folder's development key, alone on the last line."""
    if not SLUG.fullmatch(org):
        raise typer.BadParameter("an organisation is a lower-case slug, such as cnp-poipet")
    unknown = set(role.split(",")) - set(EVERYONE.split())
    if unknown:
        raise typer.BadParameter(f"no such role: {', '.join(sorted(unknown))}; there are {EVERYONE}")
    parts = re.fullmatch(r"([1-9]\d{0,6})([smhd])", ttl)
    if parts is None:
        raise typer.BadParameter("a number and a unit, such as 90s, 30m, 1h or 7d")
    ttl_s = int(parts[1]) * _UNITS_S[parts[2]]
    token = mint(Settings(), org, role, ttl_s)
    typer.echo(json.dumps({"token": token, "org": org, "roles": role.split(","), "ttl_s": ttl_s}) if as_json else token)
