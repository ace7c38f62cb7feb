"""What is carried of a trace, and what a process says that can't export."""

from __future__ import annotations

import sys
import time

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from opentelemetry.context import Context
from opentelemetry.trace import get_current_span
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from mostek.wire import tracing
from mostek.wire.tracing import Tracing, TracingError, checked_endpoint, traceparent_of

HEX = "0123456789abcdef"
VALID = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"


def hexadecimal(digits: int) -> st.SearchStrategy[str]:
    return st.text(HEX, min_size=digits, max_size=digits)


near = st.builds(
    "{}-{}-{}-{}{}".format,
    st.sampled_from(["00", "01", "cc", "ff", "0", "0G"]),
    st.one_of(hexadecimal(32), st.just("0" * 32), hexadecimal(31)),
    st.one_of(hexadecimal(16), st.just("0" * 16), hexadecimal(17)),
    st.one_of(hexadecimal(2), st.just("1")),
    st.sampled_from(["", "", "-what-comes-later", "x", "\n", " "]),
)


@given(st.one_of(near, st.text(max_size=80), hexadecimal(55)))
@example(VALID)
@example(VALID.upper())
@example("01" + VALID[2:] + "-more")
@example(VALID + "-more")
@example("ff" + VALID[2:])
def test_a_traceparent_is_carried_where_opentelemetry_takes_it_too(text: str) -> None:
    carried = traceparent_of(text)
    theirs = get_current_span(
        TraceContextTextMapPropagator().extract({"traceparent": text}, Context())
    ).get_span_context()
    if carried:
        assert carried == traceparent_of(carried)
        assert len(carried) == 55
        trace, span, flags = carried[3:35], carried[36:52], carried[53:]
        assert (trace, span) == (f"{theirs.trace_id:032x}", f"{theirs.span_id:016x}")
        assert flags == f"{theirs.trace_flags & 1:02x}"
    else:
        # Theirs lets blanks and line ends around it pass.
        assert not theirs.is_valid or text != text.strip()


@given(st.one_of(st.none(), st.binary(max_size=60)))
def test_what_is_no_text_is_none(given: bytes | None) -> None:
    assert traceparent_of(given) == ""


@pytest.mark.parametrize(
    ("url", "why"),
    [
        ("127.0.0.1:4318", "must be the address of a collector, e.g. http://127.0.0.1:4318"),
        ("ftp://127.0.0.1", "must be the address of a collector"),
        ("http://", "must be the address of a collector"),
        ("http://me:geheim@collector:4318", "must hold no user and password: set OTEL_EXPORTER"),
    ],
)
def test_an_endpoint_that_is_none_is_refused_and_tells_no_password(url: str, why: str) -> None:
    with pytest.raises(ValueError, match=why) as refused:
        checked_endpoint(url)
    assert "geheim" not in str(refused.value)


def test_without_the_extra_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "opentelemetry.sdk.trace", None)
    with pytest.raises(TracingError, match=r"http://here:4318, .*pip install 'mostek\[otel\]'"):
        Tracing.opened("http://here:4318", "mostek-hub", {})


def test_a_collector_that_is_away_does_not_hold_up_the_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tracing, "_CLOSE_WITHIN", 0.05)
    away = Tracing.opened("http://127.0.0.1:9", "mostek-hub", {})
    span = away.begin("GetCustomer", VALID, {})
    span.child("customers", {}).end({})
    span.end({}, "NotFound")
    span.end({}, "NotFound")
    began = time.monotonic()
    away.close()
    assert time.monotonic() - began < 10
