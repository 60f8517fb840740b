"""One trace, from the request over the append, the relay and Kafka to the view's rows; and no person in it."""

import asyncio
from typing import Any

from tests.journeys.test_fisherman_given_a_bed import CASE

DEADLINE_S = 20


async def test_one_trace_leads_from_the_request_to_the_views(speak: Any, collector: Any) -> None:
    answer = await speak("cnp-poipet", "first_responder").post("identification", "/v1/cases", CASE)
    event = answer.json()["events"][0]
    authority = speak("nrm-authority", "competent_authority")
    history = await authority.get("audit", f"/v1/cases/{answer.json()['case_id']}/history", seen=f"{event['stream']}:1")
    trace_id = history.json()["events"][0]["traceparent"].split("-")[1]
    names: set[str] = set()
    for _ in range(DEADLINE_S * 5):
        names = {span.name for span in collector.spans if span.trace_id.hex() == trace_id}
        if {"publish", "project"} <= names and any("/v1/cases" in name for name in names):
            break
        await asyncio.sleep(0.2)
    assert {"publish", "project"} <= names
    assert any("/v1/cases" in name for name in names)
    spoken = str(collector.spans)
    assert CASE["person"]["given_name"] not in spoken
    assert CASE["person"]["family_name"] not in spoken
