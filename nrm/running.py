"""`<data_dir>/run.json`: how commands, demos and operators find the system that runs on a data folder."""

import os
from pathlib import Path
from typing import Any

from libs.runtime.settings import Settings
from nrm.parts.processes import is_running, recall

FILE = "run.json"


def running(data_dir: Path) -> dict[str, Any] | None:
    """What runs on that folder: `launcher` (pid), `settings`, `parts`, `processes`; None where nothing does."""
    found = recall(data_dir.resolve() / FILE)
    return found if found and is_running(int(found["launcher"])) else None


def running_settings(settings: Settings) -> Settings:
    """The settings with the addresses of the running system where the environment names none."""
    found = running(settings.data_dir)
    if found is None:
        return settings
    addresses = {
        "database_url": settings.database_url or found["settings"]["database_url"],
        "kafka_bootstrap_servers": settings.kafka_bootstrap_servers or found["settings"]["kafka_bootstrap_servers"],
        "port_base": settings.port_base if "NRM_PORT_BASE" in os.environ else found["settings"]["port_base"],
    }
    return settings.model_copy(update=addresses)
