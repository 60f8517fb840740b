"""The organisations' public keys as they stand in their file now, for the log to keep: read again when it changed."""

from collections.abc import Mapping

import structlog

from libs.events.event import JSON
from libs.runtime.settings import Settings
from libs.runtime.submitters import registry_file
from libs.transparency.registry import BadRegistry, Registry

log = structlog.get_logger()


class Listed:
    """The file's entries. What cannot be read lists nothing new: the log goes on, and says so."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._seen: tuple[str, int, int] | None = None
        self._entries: Mapping[str, Mapping[str, JSON]] = {}

    def listed(self) -> Mapping[str, Mapping[str, JSON]]:
        """Every organisation's entry."""
        file = registry_file(self._settings)
        if file is None:
            return self._entries
        try:
            found = file.stat()
            mark = (str(file), found.st_mtime_ns, found.st_size)
            if mark != self._seen:
                self._seen = mark
                self._entries = Registry.read(file).listed()
        except (BadRegistry, OSError) as fault:
            log.error("log.submitters_unusable", file=str(file), why=str(fault))
        return self._entries
