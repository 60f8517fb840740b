"""What may become of a hand-over file: given out once for what it says, withdrawn once."""

from libs.events.decider import Decider, Refused
from services.repatriation.handover.commands import FileCommand, Issue
from services.repatriation.handover.state import FileEvent, Files, files_after


def decide(command: FileCommand, state: Files) -> tuple[FileEvent, ...]:
    """The events that a command causes. Raises Refused."""
    if isinstance(command, Issue):
        return () if state.saying(command.file) else (command.file,)
    code = command.withdrawn.code
    if state.named(code) is None:
        raise Refused("not-found", "there is no such hand-over file", status=404)
    if state.is_withdrawn(code):
        raise Refused("already-so", "this hand-over file is withdrawn")
    return (command.withdrawn,)


FILES: Decider[FileCommand, Files, FileEvent] = Decider(Files(), decide, files_after)
