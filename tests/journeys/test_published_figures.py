"""The published court figures, played over HTTP and read from the view by both definitions of a year."""

from typing import Any

from libs.runtime.auth import mint
from nrm.demo.check import Reader
from nrm.demo.histories import Names
from nrm.demo.player import Player
from nrm.demo.published import STAGES, compare, read_published, surveyed
from nrm.system import System


async def test_the_view_reproduces_every_published_figure(system: System, speak: Any) -> None:
    published = read_published()
    assert published
    histories = list(published.histories)
    client, settings = speak("moj", "justice").client, system.settings

    def token(organisation: str, role: str) -> str:
        return mint(settings, organisation, role, 3600)

    player = Player(client, settings.url, token, Names(histories))
    performance = await player.play_all(histories, lambda: None)
    assert performance.failures == []
    newest = {write.answer["stream"]: write.answer["version"] for write in performance.writes}
    reader = Reader(client, settings.url, token)
    for stream, version in newest.items():
        await reader.view("/v1/views/court-outcomes", {"seen": f"{stream}:{version}", "limit": "1"})
    for one in await compare(reader.view, published.figures):
        assert (one.calendar, one.reporting) == (one.figure.count, one.figure.count), one.figure
    assert await surveyed(reader.view, published.survey) == {stage: published.survey[stage] for stage in STAGES}
