"""A collector of traces: takes OTLP over HTTP, and keeps what came."""

from __future__ import annotations

import contextlib
import gzip
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import KeyValue

__all__ = ["Collector", "Seen", "collector"]


@dataclass(frozen=True)
class Seen:
    """A span as it was exported. Ids in hexadecimal; `parent` "" for none."""

    service: str
    name: str
    trace: str
    id: str
    parent: str
    failure: str
    attributes: dict[str, str | int]


class Collector:
    """What came to `address`."""

    def __init__(self, address: str) -> None:
        self.address = address
        self.bodies: list[bytes] = []
        self.paths: set[str] = set()

    @property
    def spans(self) -> list[Seen]:
        return [span for body in self.bodies for span in _spans(body)]

    def of(self, service: str, name: str = "") -> list[Seen]:
        """The spans of one side, of one name if it is given."""
        return [s for s in self.spans if s.service == service and name in ("", s.name)]


def _spans(body: bytes) -> Iterator[Seen]:
    for process in ExportTraceServiceRequest.FromString(body).resource_spans:
        about = _values(process.resource.attributes)
        for scope in process.scope_spans:
            for span in scope.spans:
                yield Seen(
                    str(about["service.name"]),
                    span.name,
                    span.trace_id.hex(),
                    span.span_id.hex(),
                    span.parent_span_id.hex(),
                    span.status.message,
                    _values(span.attributes),
                )


def _values(attributes: object) -> dict[str, str | int]:
    found: dict[str, str | int] = {}
    for one in attributes:  # type: ignore[attr-defined]
        assert isinstance(one, KeyValue)
        kind = one.value.WhichOneof("value")
        assert kind in ("string_value", "int_value"), one
        found[one.key] = getattr(one.value, kind)
    return found


@contextlib.contextmanager
def collector() -> Iterator[Collector]:
    """A collector that listens until the block ends."""

    class Taking(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            if self.headers.get("content-encoding") == "gzip":
                body = gzip.decompress(body)
            found.paths.add(self.path)
            found.bodies.append(body)
            self.send_response(200)
            self.send_header("content-length", "0")
            self.end_headers()

        def log_message(self, *args: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Taking)
    found = Collector(f"http://127.0.0.1:{server.server_port}")
    serving = threading.Thread(target=server.serve_forever, args=(0.02,))
    serving.start()
    try:
        yield found
    finally:
        server.shutdown()
        serving.join()
        server.server_close()
