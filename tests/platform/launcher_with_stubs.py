"""The launcher with two stubs in place of the services, run as its own process by the tests."""

import asyncio
import sys

from libs.runtime.settings import Settings
from nrm.launcher import Terminal, serve
from nrm.system import System

MODULES = {"portal": "tests.platform.stub_portal", "relay": "tests.platform.stub_relay"}


async def migrate(settings: Settings) -> None:
    assert settings.database_url
    assert settings.kafka_bootstrap_servers


def system(settings: Settings) -> System:
    return System(settings, modules=MODULES, migrate=migrate)


if __name__ == "__main__":
    terminal = Terminal()
    asked = Settings()
    sys.exit(asyncio.run(serve(System(asked, say=terminal.say, modules=MODULES, migrate=migrate), terminal)))
