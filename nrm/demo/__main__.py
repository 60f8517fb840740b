"""`python -m nrm.demo`: start the system, play the histories, check every count, print the views, stop the system."""

import argparse
import asyncio
import signal
import sys
import time
from contextlib import AsyncExitStack
from functools import lru_cache, partial
from pathlib import Path

import httpx2
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from libs.runtime.settings import Settings, settings
from nrm.demo.acts import Register, show
from nrm.demo.check import Reader, differences, found
from nrm.demo.histories import EXAMPLES, History, Names, read_all
from nrm.demo.imports import import_differences, import_sample, in_both, join, print_import, truth_of
from nrm.demo.notices import TELLING
from nrm.demo.player import Performance, Player
from nrm.demo.published import Published, compare, read_published, surveyed
from nrm.demo.questions import Asker, print_answered, read_questions
from nrm.demo.tables import print_answers, print_published, print_verdict
from nrm.demo.tally import tally
from nrm.launcher import System
from nrm.parts.processes import PartFailed
from nrm.tokens import mint
from portal.sign_in import link

TOKEN_S = 3600


def main() -> int:
    """Run the demonstration; 0 only where every count equals the tally of the files."""
    options = _options()
    try:
        return asyncio.run(_run(options))
    except PartFailed as failed:
        Console(stderr=True).print(str(failed), style="red", markup=False)
        return 1
    except (KeyboardInterrupt, asyncio.CancelledError):
        return 130  # as a shell says that Ctrl-C ended it


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m nrm.demo", description=__doc__)
    parser.add_argument("--keep", action="store_true", help="stay up after the check, until Ctrl-C")
    parser.add_argument("--histories", type=Path, default=EXAMPLES, help="folder with providers.yaml and cases/")
    parser.add_argument("--against", action="store_true", help="play into a system that runs already")
    return parser.parse_args()


async def _run(options: argparse.Namespace) -> int:
    console = Console()
    me = asyncio.current_task()
    if me is not None:  # `kill` stops the demonstration as Ctrl-C does, so that no process of it stays behind
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, me.cancel)
    histories, published = read_all(options.histories), read_published(options.histories)
    async with AsyncExitStack() as stack:
        if not options.against:
            await stack.enter_async_context(System(_own(settings()), say=console.log))
        code = await demonstrate(histories, console, published, options.histories, acts=True)
        if options.keep and not options.against:
            console.print("The system stays up; Ctrl-C stops it. Its pages, for an hour:")
            console.print(link(settings()), soft_wrap=True, markup=False, highlight=False)
            await asyncio.Event().wait()
    return code


def _own(config: Settings) -> Settings:
    """Settings of a system that may send its webhooks to this machine, where the demonstration listens."""
    allowed = ",".join(filter(None, (config.webhook_allow, "127.0.0.0/8")))
    return config.model_copy(update={"webhook_allow": allowed})


async def demonstrate(
    histories: list[History],
    console: Console,
    published: Published | None = None,
    folder: Path | None = None,
    *,
    acts: bool = False,
) -> int:
    """Play, check and print; 0 only where every count equals the tally of the files, and every published figure.

    With `acts`, what the counts do not show is done as well; the questions of a `folder` are asked and checked.
    """
    if published:
        histories = [*histories, *published.histories]
    names = Names(histories)
    expected = tally(histories)
    url = settings().url
    started_s = time.monotonic()
    async with httpx2.AsyncClient() as client:
        performance = await _play(Player(client, url, token, names), histories, console)
        console.print(f"Played in {time.monotonic() - started_s:.1f} s.")
        reader = Reader(client, url, token)
        try:
            imported = await import_sample(client, url, token)
            answers = await reader.read(performance, names)
            wrong = found(differences(expected, answers, performance, names))
            wrong += import_differences(truth_of(), imported)
            print_answers(console, answers, expected)
            print_import(console, imported)
            wrong += await _published(reader, published, console)
            await join(client, url, token, in_both(imported))
            if folder:
                wrong += await _asked(Asker(client, url, token, performance), folder, console)
            if acts:
                wrong += await show(Register(client, url, token, performance), console, TELLING)
        except (httpx2.HTTPError, TimeoutError, ValueError, KeyError) as error:
            print_verdict(console, expected, [*performance.failures, str(error)], *_effort(performance))
            return 1
    print_verdict(console, expected, wrong, *_effort(performance))
    return 1 if wrong else 0


async def _asked(asker: Asker, folder: Path, console: Console) -> list[str]:
    """Where an answer differs from what its question expects."""
    answered = await asker.ask_all(read_questions(folder))
    print_answered(console, answered)
    return [f"{one.question.what}: {line}" for one in answered for line in one.differences]


async def _published(reader: Reader, published: Published | None, console: Console) -> list[str]:
    """Where the court-outcome view does not say what was published."""
    if published is None:
        return []
    compared = await compare(reader.view, published.figures)
    survey = await surveyed(reader.view, published.survey)
    print_published(console, compared, published.survey, survey)
    wrong = [
        f"published {one.figure}: the view says {one.calendar}, {one.reporting}" for one in compared if one.differs
    ]
    return wrong + [
        f"survey {stage}: published {published.survey[stage]}, the view says {persons}"
        for stage, persons in survey.items()
        if persons != published.survey[stage]
    ]


def _effort(performance: Performance) -> tuple[int, int]:
    return len(performance.writes), performance.retries


async def _play(player: Player, histories: list[History], console: Console) -> Performance:
    columns = (TextColumn("Playing the histories"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console, disable=not console.is_terminal) as progress:
        bar = progress.add_task("steps", total=sum(len(history.steps) for history in histories))
        return await player.play_all(histories, partial(progress.advance, bar))


@lru_cache
def token(organisation: str, role: str) -> str:
    """Mint a token once for each organisation and role; it outlives the demonstration."""
    return mint(organisation, role, TOKEN_S)


if __name__ == "__main__":
    sys.exit(main())
