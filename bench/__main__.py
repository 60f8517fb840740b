"""`make bench`: our system and what a user would pick instead, on the same work, side by side; prints ratios.

Every part runs on a system of its own with only the processes that it needs, so that none disturbs another.
"""

import argparse
import asyncio
import shutil
import tempfile
from collections.abc import Awaitable, Callable, Mapping
from functools import partial
from pathlib import Path

import asyncpg
from rich.console import Console
from rich.progress import Progress

from bench.filling import fill, play_the_demonstration, templates
from bench.measure import Figure, Scale
from bench.ours import append, footprint, growth, lag, post, projections, proof, storage
from bench.report import keep, show
from libs.runtime.settings import SERVICES, Settings
from nrm.system import MODULES, System

PORT_BASE = 17_000
Part = Callable[[Settings, Scale], Awaitable[list[Figure]]]
PARTS: Mapping[str, tuple[tuple[str, ...], Part]] = {
    "append": ((), append.figures),
    "post": (("identification",), post.figures),
    "history": (("identification", "relay", "audit"), post.history_figures),
    "lag": (("relay", "views"), lag.figures),
    "growth": ((), growth.figures),
}
LONG = ("storage", "projections", "proof")
"""Parts on a long log that is made once for all of them."""


async def measure(parts: list[str], scale: Scale, console: Console) -> tuple[list[Figure], list[str]]:
    """Every figure asked for, each part on a fresh system, and the parts that failed: the others go on."""
    found: list[Figure] = []
    failed: list[str] = []
    long = [name for name in parts if name in LONG]
    runs = {name: partial(_one, name, scale) for name in parts if name not in LONG}
    if long:
        runs[" and ".join(long)] = partial(_on_a_long_log, long, scale, console)
    for name, run in runs.items():
        console.log(f"measuring {name}", style="dim")
        try:
            found += await run()
        except Exception as fault:  # noqa: BLE001 - whatever ended one part, the figures of the others are wanted
            failed.append(name)
            console.log(f"{name} failed: {type(fault).__name__}: {fault}", style="red")
    return found, failed


async def _one(name: str, scale: Scale) -> list[Figure]:
    if name == "footprint":
        async with _Folder() as folder:
            return await footprint.figures(Settings(data_dir=folder, port_base=PORT_BASE), scale)
    modules, part = PARTS[name]
    async with _system(modules) as system:
        return await part(system.settings, scale)


class _Folder:
    """A data folder that PostgreSQL's user can reach, gone afterwards."""

    async def __aenter__(self) -> Path:
        self._path = Path(tempfile.mkdtemp(prefix="nrm-bench-"))
        self._path.chmod(0o711)
        return self._path

    async def __aexit__(self, *_: object) -> None:
        shutil.rmtree(self._path, ignore_errors=True)


class _system:  # noqa: N801 - used as a context manager only
    """PostgreSQL, Kafka and the named processes on a fresh folder."""

    def __init__(self, modules: tuple[str, ...]) -> None:
        self._modules = {name: MODULES[name] for name in modules}

    async def __aenter__(self) -> System:
        self._folder = _Folder()
        settings = Settings(data_dir=await self._folder.__aenter__(), port_base=PORT_BASE)
        self._system = System(settings, modules=self._modules)
        return await self._system.__aenter__()

    async def __aexit__(self, *fault: object) -> None:
        await self._system.stop()
        await self._folder.__aexit__()


async def _on_a_long_log(parts: list[str], scale: Scale, console: Console) -> list[Figure]:
    found: list[Figure] = []
    async with _system((*SERVICES, "relay", "views", "audit")) as system:
        await play_the_demonstration(system.settings)
        for service in SERVICES:
            await system.hold(service)
        await _fill(system.settings, scale, console)
        if "storage" in parts:
            found += await storage.figures(system.settings, scale)
        if "projections" in parts:
            found += await projections.figures(system.settings, scale)
        if "proof" in parts:
            found += await proof.figures(system.settings, scale)
    return found


async def _fill(settings: Settings, scale: Scale, console: Console) -> None:
    """Fill the stores, then wait until relay, views and log have all of it."""
    with Progress(console=console, disable=not console.is_terminal) as progress:
        bar = progress.add_task("filling the log", total=2 * scale.events)
        url = settings.database_url
        added = await fill(url, await templates(url), scale.events, lambda done: progress.update(bar, completed=done))
        connection = await asyncpg.connect(url)
        try:
            while (behind := await _behind(connection)) > 0:
                progress.update(bar, completed=scale.events + added - behind)
                await asyncio.sleep(0.5)
        finally:
            await connection.close()


async def _behind(connection: asyncpg.Connection) -> int:
    """How many events the view that is farthest behind, or the transparency log, has yet to take."""
    stored = sum([await connection.fetchval(f"SELECT count(*) FROM {service}.event") for service in SERVICES])
    names = [row[0] for row in await connection.fetch("SELECT name FROM projection.generation WHERE live")]
    seen = [
        await connection.fetchval(f"SELECT coalesce(sum(events), 0) FROM {name}.consumed")
        for name in names
        if not name.endswith("_known")
    ]
    merged = await connection.fetchval(
        "SELECT count(*) FROM transparency.leaf WHERE body IS NULL AND index < "
        "(SELECT coalesce(max(size), 0) FROM transparency.published)"
    )
    return int(stored - min([*seen, merged]))


def main() -> None:
    """Measure, show, keep."""
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    every = [*PARTS, "footprint", *LONG]
    parser.add_argument("parts", nargs="*", default=every, help=f"some of: {' '.join(every)}")
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=4, help="of each run")
    parser.add_argument("--events", type=int, default=100_000, help="in the long log (long form: 1000000)")
    parser.add_argument("--quick", action="store_const", const=(1, 1.5, 20_000), help="one short run of everything")
    asked = parser.parse_args()
    console = Console(stderr=True)
    scale = Scale(*(asked.quick or (asked.runs, asked.seconds, asked.events)))
    figures, failed = asyncio.run(measure(list(asked.parts), scale, console))
    show(figures)
    console.log(f"kept in {keep(figures, scale)}")
    if failed:
        raise SystemExit(f"failed: {', '.join(failed)}")


if __name__ == "__main__":
    main()
