"""Token buckets."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mostek.hub.rates import Bucket, Buckets, network_of


def test_a_bucket_gives_its_burst_at_once_and_then_its_rate() -> None:
    bucket = Bucket(2.0, 3, 0.0)
    assert [bucket.take(0.0) for _ in range(3)] == [0.0] * 3
    assert bucket.take(0.0) == 0.5
    assert bucket.take(0.25) == 0.25
    assert bucket.take(0.5) == 0.0
    assert [bucket.take(100.0) for _ in range(4)] == [0.0, 0.0, 0.0, 0.5]


@given(st.floats(0.1, 100), st.integers(1, 50), st.lists(st.floats(0, 3), min_size=1, max_size=200))
def test_never_more_than_burst_and_rate_allow(rate: float, burst: int, steps: list[float]) -> None:
    bucket, now, taken = Bucket(rate, burst, 0.0), 0.0, 0
    for step in steps:
        now += step
        wait = bucket.take(now)
        taken += not wait
        if wait:
            # To wait as long as told is enough.
            now += wait * 1.000001
            assert bucket.take(now) == 0.0
            taken += 1
        assert taken <= burst + rate * now + 1e-3


def test_the_bucket_that_was_used_longest_ago_is_forgotten() -> None:
    buckets = Buckets(1.0, 1, 2)
    first = buckets.of("a", 0.0)
    buckets.of("b", 0.0)
    assert buckets.of("a", 0.0) is first
    buckets.of("c", 0.0)
    assert buckets.of("a", 0.0) is first
    assert len(buckets._buckets) == 2


@pytest.mark.parametrize(
    ("address", "network"),
    [
        ("10.0.0.1", "10.0.0.1"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("::ffff:10.0.0.1", "10.0.0.1"),
        ("unix:", "unix:"),
        ("", ""),
    ],
)
def test_an_ipv6_peer_counts_by_its_network(address: str, network: str) -> None:
    assert network_of(address) == network
