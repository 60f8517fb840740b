"""`nrm rewrap`: rotate the master key. The new one is NRM_MASTER_KEY_NEW or the file `master-key-new`, else made."""

import asyncio
import json
from dataclasses import asdict
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import Progress

from libs.runtime.keys import master_key, master_keys, next_master_key, promote_master_key, rotation
from libs.runtime.settings import Settings
from nrm.running import running_settings
from nrm.stopping import require, stop

UNREADABLE = 1


def command(*, as_json: Annotated[bool, typer.Option("--json", help="one JSON object")] = False) -> None:
    """Wrap every person's key by the new master key; run it again after the restart of all processes."""
    from nrm.rewrap import Rewrapped, rewrap  # noqa: PLC0415 - slow to import

    config = running_settings(Settings())
    require("rewrap", database_url=config.database_url)
    last = rotation(config) == "last"
    if config.master_key and not rotation(config):
        stop("rewrap", "set NRM_MASTER_KEY_NEW, here and for every process, and restart them first")
    target = master_key(config) if last else next_master_key(config)
    console = Console(stderr=True)
    try:
        with Progress(console=console, transient=True, disable=not console.is_terminal) as bar:
            task = bar.add_task("rewrapping", total=None)

            def tell(so_far: Rewrapped) -> None:
                bar.update(task, description=f"rewrapped {so_far.rewrapped}")

            done = asyncio.run(rewrap(config.database_url, target, master_keys(config), tell))
        if not last and not done.unreadable and not (config.master_key or config.master_key_new):
            promote_master_key(config)
    except FileExistsError as fault:
        stop("rewrap", f"an earlier rotation is not finished: {fault} is another key than the current one")
    except OSError as fault:
        stop("rewrap", f"cannot reach the database or write the key: {type(fault).__name__}")
    _say(asdict(done), last=last, as_json=as_json)
    raise typer.Exit(UNREADABLE if done.unreadable else 0)


def _say(done: dict[str, int], *, last: bool, as_json: bool) -> None:
    if as_json:
        typer.echo(json.dumps(done))
        return
    typer.echo("{rewrapped} keys rewrapped, {already} were already, {unreadable} unreadable".format(**done))
    if not last:
        typer.echo("restart every process with the new key as the current one and the old as master-key-old "
                   "(NRM_MASTER_KEY_OLD), then run `nrm rewrap` once more")  # fmt: skip
    elif not done["rewrapped"]:
        typer.echo("nothing is left under the old key: it can be destroyed")
