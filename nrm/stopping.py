"""How a command that cannot do its work ends: one line on standard error that says why, and exit code 2."""

from typing import TYPE_CHECKING, Final, NoReturn

import typer

if TYPE_CHECKING:
    import httpx2

UNUSABLE: Final = 2
"""The exit code of a usage or reading error, whatever the command."""


def stop(command: str, why: str) -> NoReturn:
    """End `nrm <command>` with a line that says why."""
    typer.echo(f"nrm {command}: {why}", err=True)
    raise typer.Exit(UNUSABLE)


def require(command: str, **addresses: str) -> None:
    """End `nrm <command>` where an address that it needs, by the name of its setting, is not known."""
    if not all(addresses.values()):
        names = " and ".join(f"NRM_{name.upper()}" for name in addresses)
        stop(command, f"nothing runs here: set {names}, or start it with `nrm run`")


def refusal(answer: "httpx2.Response") -> str:
    """What a process said against a request, in one line."""
    try:
        said = answer.json()["detail"]
    except (ValueError, KeyError):
        said = "no reason given"
    return f"{answer.status_code}: {said}"
