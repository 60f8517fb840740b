"""Logs and traces of a process: JSON lines with the trace id; spans only where an OTLP endpoint is set."""

import logging
import os
import traceback
from collections.abc import Mapping, MutableMapping
from typing import Any

import structlog
from opentelemetry import trace
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter, SpanExportResult

from libs.runtime.sink import Sink

EXPORT_TIMEOUT_S = 2
SAFE_LENGTH_MAX = 200
_SPAN_ATTRIBUTES_DROPPED = frozenset(
    {"url.query", "url.full", "http.target", "exception.message", "exception.stacktrace"}
)


def configure(process: str, level: str) -> None:
    """Set up logs and, where OTEL_EXPORTER_OTLP_ENDPOINT is set, traces."""
    sink = Sink()
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            _with_trace,
            structlog.processors.JSONRenderer(),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelNamesMapping()[level.upper()]),
        logger_factory=structlog.PrintLoggerFactory(sink),  # type: ignore[arg-type]  # a text stream by its methods
        cache_logger_on_first_use=True,
    )
    structlog.contextvars.bind_contextvars(process=process)
    handler = logging.StreamHandler(sink)
    handler.setFormatter(Discreet("%(levelname)s %(name)s %(message).200s"))
    logging.basicConfig(level=logging.ERROR, handlers=[handler])
    if os.environ.get("OTEL_EXPORTER_OTLP_ENDPOINT"):
        _export(process)


def _export(process: str) -> None:
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter  # noqa: PLC0415 - slow to import

    provider = TracerProvider(resource=Resource.create({"service.name": f"opennrm-{process}"}))
    provider.add_span_processor(BatchSpanProcessor(_WithoutPersons(OTLPSpanExporter(timeout=EXPORT_TIMEOUT_S))))
    trace.set_tracer_provider(provider)


class Discreet(logging.Formatter):
    """Says of an exception where it was raised and its type. Its message may repeat a person's data, so it goes."""

    def formatException(self, ei: Any) -> str:  # noqa: N802, ANN401 - the standard library's name and type
        """The frames, and the type's name."""
        kind, _, frames = ei
        return "".join(traceback.format_tb(frames)) + (kind.__name__ if kind else "")


def _with_trace(_: Any, __: str, event: MutableMapping[str, Any]) -> Mapping[str, Any]:  # noqa: ANN401 - structlog's type
    context = trace.get_current_span().get_span_context()
    if context.is_valid:
        event["trace_id"] = format(context.trace_id, "032x")
    return event


class _WithoutPersons(SpanExporter):
    """Drops what could hold a person's data: query strings and the messages of exceptions."""

    def __init__(self, inner: SpanExporter) -> None:
        self._inner = inner

    def export(self, spans: Any) -> SpanExportResult:  # noqa: ANN401 - the SDK's type
        """Export the spans without those attributes."""
        return self._inner.export([_cleaned(span) for span in spans])

    def shutdown(self) -> None:
        """Flush and stop."""
        self._inner.shutdown()


def _cleaned(span: ReadableSpan) -> ReadableSpan:
    attributes = {k: v for k, v in (span.attributes or {}).items() if k not in _SPAN_ATTRIBUTES_DROPPED}
    return ReadableSpan(
        name=span.name,
        context=span.context,
        parent=span.parent,
        resource=span.resource,
        attributes=attributes,
        events=(),
        links=span.links,
        kind=span.kind,
        status=span.status,
        start_time=span.start_time,
        end_time=span.end_time,
        instrumentation_scope=span.instrumentation_scope,
    )
