"""A bearer token of this data folder's development key, alone on the last line."""

import re
from typing import Annotated

import typer

from libs.runtime.auth import mint
from libs.runtime.policy import EVERYONE
from libs.runtime.settings import Settings

_UNITS_S = {"s": 1, "m": 60, "h": 3600, "d": 86_400}


def command(
    org: Annotated[str, typer.Option(help="organisation, a lower-case slug such as cnp-poipet")],
    role: Annotated[str, typer.Option(help="role, or several separated by commas")],
    ttl: Annotated[str, typer.Option(help="how long it holds: 90s, 30m, 1h, 7d")] = "1h",
) -> None:
    """A bearer token of this data folder's development key, alone on the last line."""
    unknown = set(role.split(",")) - set(EVERYONE.split())
    if unknown:
        raise typer.BadParameter(f"no such role: {', '.join(sorted(unknown))}; there are {EVERYONE}")
    parts = re.fullmatch(r"([1-9]\d{0,6})([smhd])", ttl)
    if parts is None:
        raise typer.BadParameter("a number and a unit, such as 90s, 30m, 1h or 7d")
    typer.echo(mint(Settings(), org, role, int(parts[1]) * _UNITS_S[parts[2]]))
