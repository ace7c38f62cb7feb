"""What a plugin is."""

from __future__ import annotations

import pytest

from mostek.erp.v1.customer_pb2 import GetCustomerRequest, GetCustomerResponse
from mostek.plugin.plugin import Context, Plugin
from mostek.wire.failures import Cancelled, Expired


class One(Plugin):
    def get_customer(self, request: GetCustomerRequest, context: Context) -> GetCustomerResponse:
        return GetCustomerResponse()


def test_a_plugin_serves_the_rpcs_that_it_has_methods_for() -> None:
    assert One.serves == {"GetCustomer": "get_customer"}


def test_a_subclass_serves_what_it_inherits() -> None:
    class Two(One):
        pass

    assert Two.serves == One.serves


def test_a_misspelt_rpc_fails_where_it_is_written() -> None:
    with pytest.raises(TypeError, match=r"Erp\.list_product is the name of no rpc"):
        type("Erp", (Plugin,), {"list_product": lambda self, request, context: None})


def test_a_context_knows_its_deadline() -> None:
    context = Context(operation="ListCustomers", timeout=100.0)
    assert 99 < context.remaining() <= 100
    context.check()
    with pytest.raises(Expired):
        Context(operation="ListCustomers", timeout=0.0).check()


def test_a_cancellation_stops_what_runs_and_what_starts_later() -> None:
    context = Context(operation="ListCustomers")
    stopped: list[str] = []
    with context.on_cancel(lambda: stopped.append("during")):
        context.cancel()
    with context.on_cancel(lambda: stopped.append("late")):
        pass
    assert stopped == ["during", "late"]
    with pytest.raises(Cancelled):
        context.check()


def test_what_has_ended_is_not_stopped() -> None:
    context = Context(operation="ListCustomers")
    stopped: list[str] = []
    with context.on_cancel(lambda: stopped.append("x")):
        pass
    context.cancel()
    assert stopped == []
