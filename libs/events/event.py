"""What an event is: one immutable fact with a wire name. No IO, no clock, no ids minted here."""

from collections.abc import Mapping
from functools import lru_cache
from typing import Any, ClassVar, TypeAlias

from pydantic import BaseModel, ConfigDict, Field

JSON: TypeAlias = Any
"""A JSON value whose keys are ASCII and whose numbers are integers."""


class Event(BaseModel):
    """A fact that happened. Its fields are the envelope's `data`; personal fields travel only in `sealed`.

    `personal` holds the plain personal fields between the decision and the edge: the edge encrypts them with the
    person's key into `sealed`, and `personal` itself is never written anywhere.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    wire: ClassVar[str]
    sealed: str | None = Field(None, description="Personal fields, encrypted with the person's key")
    personal: Mapping[str, JSON] | None = Field(None, exclude=True, repr=False)

    def data(self) -> dict[str, JSON]:
        """The payload as it is hashed and published: JSON values only, absent fields left out."""
        return self.model_dump(mode="json", exclude_none=True)


@lru_cache
def service_of(wire: str) -> str:
    """The service that owns a wire name: `org.opennrm.<service>.<event>.v<N>`."""
    return wire.split(".")[2]


def kind_of(wire: str) -> str:
    """The event's plain name within its wire name, e.g. `identified`."""
    return wire.split(".")[3]
