"""Create or bring up to date the database roles, the schemas and the Kafka topics."""

import asyncio
from typing import Annotated

import typer

from libs.runtime.settings import Settings
from nrm.running import running_settings


def command(*, json: Annotated[bool, typer.Option("--json", help="Print the result as JSON.")] = False) -> None:
    """Create or bring up to date the database roles, the schemas and the Kafka topics."""
    from nrm.system import run_migrations  # noqa: PLC0415 - `nrm migrate --help` is quick without it

    settings = running_settings(Settings())
    if not (settings.database_url and settings.kafka_bootstrap_servers):
        typer.echo("nothing runs here: set NRM_DATABASE_URL and NRM_KAFKA_BOOTSTRAP_SERVERS, or `nrm run`", err=True)
        raise typer.Exit(2)
    asyncio.run(run_migrations(settings))
    typer.echo('{"migrated": true}' if json else "migrated")
