"""Start everything, print the addresses and `ready`, and stay until Ctrl-C."""

from typing import Annotated

import typer

from libs.runtime.settings import Settings


def command(
    *, json: Annotated[bool, typer.Option("--json", help="Print the content of run.json instead of a table.")] = False
) -> None:
    """Start everything, print the addresses and `ready`, and stay until Ctrl-C."""
    from nrm.launcher import launch  # noqa: PLC0415 - `nrm run --help` is quick without it

    raise typer.Exit(launch(Settings(), json_only=json))
