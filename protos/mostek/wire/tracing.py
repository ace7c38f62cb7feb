"""One trace of a call through both ends: what is carried (W3C `traceparent`), and the spans that each end exports.

Spans are made by OpenTelemetry (the extra `otel`), which is imported when a process is told to export and not before.
Attributes are names, counts and outcomes: no values of requests, of the ERP or of messages, and no text of SQL.
"""

from __future__ import annotations

import re
import threading
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from opentelemetry.context import Context
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.trace import Span as OtelSpan
    from opentelemetry.trace import Tracer

__all__ = [
    "CALLER",
    "COMMAND",
    "COMPANY",
    "CONNECTOR",
    "DATABASE",
    "OPERATION",
    "OUTCOME",
    "QUERY",
    "ROWS",
    "SESSION",
    "STATEMENT",
    "TENANT",
    "Span",
    "Tracing",
    "TracingError",
    "checked_endpoint",
    "traceparent_of",
]

# Names of attributes: OpenTelemetry's own where it has one.
TENANT: Final = "mostek.tenant"
CALLER: Final = "mostek.caller"
CONNECTOR: Final = "mostek.connector"
COMPANY: Final = "mostek.company"
COMMAND: Final = "mostek.command_id"
SESSION: Final = "mostek.session_id"
OPERATION: Final = "mostek.operation"
OUTCOME: Final = "mostek.outcome"
QUERY: Final = "mostek.query"
ROWS: Final = "mostek.rows"
DATABASE: Final = "db.system.name"
STATEMENT: Final = "db.operation.name"

_TRACEPARENT = re.compile(r"([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(-.*)?")
_SAMPLED = 1
#: Seconds for one delivery, and for the last one when the process ends.
_DELIVER_WITHIN = 5.0
_CLOSE_WITHIN = 2.0


class TracingError(Exception):
    """Spans can't be exported; the message says what to do."""


def traceparent_of(text: str | bytes | None) -> str:
    """What of a caller's `traceparent` is carried on: its version 00 form, or "" for none and for an invalid one."""
    if not text or not isinstance(text, str):
        return ""
    match = _TRACEPARENT.fullmatch(text)
    if match is None:
        return ""
    version, trace, span, flags, more = match.groups()
    if version == "ff" or (version == "00" and more) or not int(trace, 16) or not int(span, 16):
        return ""
    return f"00-{trace}-{span}-{int(flags, 16) & _SAMPLED:02x}"


def checked_endpoint(url: str) -> str:
    """Where a collector takes OTLP over HTTP. Raises ValueError."""
    wrong = ValueError("must be the address of a collector, e.g. http://127.0.0.1:4318")
    try:
        parts = urlsplit(url)
    except ValueError:
        # Its words quote the whole.
        raise wrong from None
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.query or parts.fragment:
        raise wrong
    if parts.username or parts.password:
        raise ValueError(
            "must hold no user and password: set OTEL_EXPORTER_OTLP_HEADERS for a collector that wants a login"
        )
    return url


class Span:
    """A span that has begun. Threads may use it."""

    def __init__(self, tracer: Tracer, span: OtelSpan) -> None:
        self._tracer = tracer
        self._span = span

    @property
    def traceparent(self) -> str:
        """What makes spans elsewhere children of this one."""
        context = self._span.get_span_context()
        sampled = context.trace_flags & _SAMPLED
        return f"00-{context.trace_id:032x}-{context.span_id:016x}-{sampled:02x}"

    def child(self, name: str, attributes: dict[str, str | int]) -> Span:
        """Begin a span below this one, of what another process does for it."""
        from opentelemetry.trace import SpanKind, set_span_in_context

        begun = self._tracer.start_span(
            name, set_span_in_context(self._span), SpanKind.CLIENT, attributes
        )
        return Span(self._tracer, begun)

    def end(self, attributes: dict[str, str | int], failure: str = "") -> None:
        """End it; `failure` is the kind of what it failed with. Ended once, it stays so."""
        if not self._span.is_recording():
            return
        self._span.set_attributes(attributes)
        if failure:
            from opentelemetry.trace import StatusCode

            self._span.set_status(StatusCode.ERROR, failure)
        self._span.end()


class Tracing:
    """What a process exports its spans by; without one it makes none."""

    def __init__(self, provider: TracerProvider) -> None:
        self._provider = provider
        self._tracer = provider.get_tracer("mostek")

    @classmethod
    def opened(cls, endpoint: str, service: str, about: dict[str, str]) -> Tracing:
        """Export to the collector at `endpoint`, in the background. Raises TracingError where the extra is missing.

        What is sampled says the parent's flag; of calls without a parent, OTEL_TRACES_SAMPLER.
        """
        try:
            from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
            from opentelemetry.sdk.resources import Resource
            from opentelemetry.sdk.trace import TracerProvider
            from opentelemetry.sdk.trace.export import BatchSpanProcessor
        except ImportError:
            raise TracingError(
                f"Spans are to go to {endpoint}, and OpenTelemetry is not installed: pip install 'mostek[otel]', or "
                "take the setting out."
            ) from None
        exporter = OTLPSpanExporter(f"{endpoint.rstrip('/')}/v1/traces", timeout=_DELIVER_WITHIN)
        resource = Resource.create({"service.name": service, **about})
        provider = TracerProvider(resource=resource, shutdown_on_exit=False)
        provider.add_span_processor(BatchSpanProcessor(exporter))
        return cls(provider)

    def begin(self, name: str, traceparent: str, attributes: dict[str, str | int]) -> Span:
        """Begin the span of what this process was asked for; a trace of its own where `traceparent` is empty."""
        from opentelemetry.trace import SpanKind

        parent = _context(traceparent)
        return Span(
            self._tracer, self._tracer.start_span(name, parent, SpanKind.SERVER, attributes)
        )

    def close(self) -> None:
        """Deliver what is left; a collector that is away loses it."""
        closing = threading.Thread(target=self._provider.shutdown, daemon=True)
        closing.start()
        closing.join(_CLOSE_WITHIN)


def _context(traceparent: str) -> Context:
    from opentelemetry import context
    from opentelemetry.trace import (
        NonRecordingSpan,
        SpanContext,
        TraceFlags,
        set_span_in_context,
    )

    nowhere = context.Context()
    if not traceparent:
        return nowhere
    _, trace, span, flags = traceparent.split("-")
    parent = SpanContext(
        int(trace, 16), int(span, 16), is_remote=True, trace_flags=TraceFlags(int(flags, 16))
    )
    return set_span_in_context(NonRecordingSpan(parent), nowhere)
