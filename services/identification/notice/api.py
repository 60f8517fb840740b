"""The routes of anonymised notifications: a person was met who gave no consent to be recorded."""

from collections.abc import Mapping
from typing import Annotated

from fastapi import APIRouter, Depends, Response

from libs.events.catalogue.identification import Notified
from libs.events.event import JSON
from libs.events.handle import Step
from libs.runtime.edge import Call, Reader, reading, recording, resource_response
from libs.runtime.http import body_schema
from libs.runtime.ids import new_id
from services.identification.notice.bodies import NotificationBody
from services.identification.notice.commands import Notify
from services.identification.notice.decider import NOTIFICATION

router = APIRouter(tags=["identification"])


@router.post("/v1/notifications", status_code=201, openapi_extra=body_schema(NotificationBody))
async def notify(
    call: Annotated[Call[NotificationBody], Depends(recording("notice.make", NotificationBody))],
) -> Response:
    """Counts a person who gave no consent, without anything that identifies. Records `notified`; opens no case."""
    body, notification_id = call.body, new_id()
    notified = Notified(
        notification_id=notification_id,
        reported_by=call.caller.organisation,
        channel=body.channel,
        province=body.place.province,
        country=body.place.country,
        sex=body.sex,
        nationality=body.nationality,
        age_group=body.age_group,
        exploitation=tuple(body.exploitation),
    )
    return await call.record(
        [Step(NOTIFICATION, f"notification:{notification_id}", Notify(notified))],
        location=f"/v1/notifications/{notification_id}",
        resource=lambda outcome: _resource(outcome.state),
    )


@router.get("/v1/notifications/{notification}")
async def read_notification(notification: str, reader: Annotated[Reader, Depends(reading("notice.read"))]) -> Response:
    """One notification. It names nobody, and nobody can be asked again."""
    loaded = await reader.load(NOTIFICATION, f"notification:{notification}", "notification")
    reader.require_own(loaded.state.reported_by)
    return resource_response(loaded.version, _resource(loaded.state))


def _resource(notified: Notified) -> Mapping[str, JSON]:
    return notified.model_dump(mode="json", exclude={"sealed"})
