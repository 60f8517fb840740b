"""Spans across the log: an event carries the trace of the request that caused it, wherever it goes."""

import re
import secrets

from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.trace import INVALID_SPAN, Span
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

__all__ = ["Span", "recording", "start", "traceparent", "traceparent_of"]

_tracer = trace.get_tracer("opennrm")
_TRACEPARENT = re.compile(r"00-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}")
_propagator = TraceContextTextMapPropagator()


def start(name: str, parent: str | None, **attributes: str) -> Span:
    """A span under the trace that an event carries. Attributes are codes and names of ours, never personal data."""
    if not recording():
        return INVALID_SPAN
    context = _propagator.extract({"traceparent": parent}) if parent else None
    return _tracer.start_span(name, context, attributes=attributes)


def traceparent(incoming: str | None = None) -> str:
    """The current span's W3C traceparent; else the incoming one, else a new one: every event has one."""
    carrier: dict[str, str] = {}
    _propagator.inject(carrier)
    known = carrier.get("traceparent") or (incoming if incoming and _TRACEPARENT.fullmatch(incoming) else None)
    return known or f"00-{secrets.token_hex(16)}-{secrets.token_hex(8)}-00"


def traceparent_of(span: Span) -> str:
    """A span's W3C traceparent."""
    carrier: dict[str, str] = {}
    _propagator.inject(carrier, trace.set_span_in_context(span))
    return carrier.get("traceparent", "")


def recording() -> bool:
    """Whether spans are recorded in this process (an exporter is set)."""
    return isinstance(trace.get_tracer_provider(), TracerProvider)
