"""What is sent of a person who gave no consent: what the count needs, and no field that could hold a name."""

from typing import Annotated

from pydantic import Field

from libs.events.catalogue.vocabulary import AgeGroup, Channel, Country, Exploitation, Province, Sex
from libs.runtime.requests import Body, FactBody


class NoticePlace(Body):
    """Where the person was met, no nearer than the province."""

    province: Province
    country: Country


class NotificationBody(FactBody):
    """A person who gave no consent was met (UK duty to notify: sex, nationality, and what was seen)."""

    channel: Channel
    place: NoticePlace
    sex: Sex
    nationality: Country
    age_group: AgeGroup
    exploitation: Annotated[list[Exploitation], Field(max_length=20)]
