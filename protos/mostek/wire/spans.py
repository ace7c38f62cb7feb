"""Spans of time as the other side sends them."""

from __future__ import annotations

from google.protobuf.duration_pb2 import Duration

__all__ = ["seconds_of"]


def seconds_of(span: Duration) -> float:
    """Seconds, whatever the message holds: protobuf's own conversion fails for what no timedelta can be."""
    return span.seconds + span.nanos / 1e9
