"""Operations are read from the contract."""

import pytest

from mostek.wire.failures import Unsupported
from mostek.wire.operations import OPERATIONS, operation


def test_only_what_changes_the_erp_is_a_write() -> None:
    assert {name for name, op in OPERATIONS.items() if op.write} == {
        "CreateOrder",
        "CreateCustomer",
    }


def test_the_method_is_the_name_in_snake_case() -> None:
    assert operation("GetCustomerBalance").method == "get_customer_balance"


def test_an_unknown_operation_is_unsupported_by_name() -> None:
    with pytest.raises(Unsupported, match="'DropTables' is no operation"):
        operation("DropTables")
