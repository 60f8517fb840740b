"""What an anonymised notification allows: to be made once."""

from libs.events.catalogue.identification import Notified
from libs.events.decider import Decider, Refused
from services.identification.notice.commands import Notify
from services.identification.notice.state import State, Unmade, evolve


def decide(command: Notify, state: State) -> tuple[Notified]:
    """The event of a notification. Raises Refused."""
    if not isinstance(state, Unmade):
        raise Refused("notification-exists", "this notification is made")
    return (command.notified,)


NOTIFICATION: Decider[Notify, State, Notified] = Decider(Unmade(), decide, evolve)
