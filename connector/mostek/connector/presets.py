"""Ready-made policies. `docs/policy.md` has them with examples."""

from __future__ import annotations

from dataclasses import dataclass

from mostek.wire.operations import OPERATIONS

__all__ = ["PRESETS", "Preset"]


@dataclass(frozen=True)
class Preset:
    """`fields`: None lets all leave; else what is not below one of the paths stays, and what a later version adds."""

    operations: frozenset[str]
    fields: frozenset[str] | None = None


def _fields(message: str, names: str) -> frozenset[str]:
    return frozenset(f"{message}.{name}" for name in names.split())


#: Names, tax ids, addresses, headers of invoices, balances.
_LEAST = Preset(
    operations=frozenset(
        {"DescribeErp", "ListCustomers", "GetCustomer", "ListInvoices", "GetInvoice"}
        | {"GetCustomerBalance"}
    ),
    fields=_fields(
        "Erp",
        "program program_version database_version company_name company_tax_id time_zone base_currency text_encoding "
        "operations change_tracking limits drift",
    )
    | _fields("Customer", "code name full_name kind tax_id address active changed_at")
    | _fields(
        "Invoice",
        "number kind state corrects correction_values ksef.number ksef.state issue_date sale_date due_date currency "
        "net vat gross payable paid remaining parties.role parties.customer_id parties.customer_code parties.name "
        "parties.tax_id",
    )
    | _fields("CustomerBalance", "as_of balances"),
)
#: What it takes to place orders: that, products with prices and stock, and orders. Writes are off all the same.
_ORDERS = Preset(
    operations=_LEAST.operations
    | {"ListProducts", "GetProduct", "ListOrders", "GetOrder"}
    | {"ValidateOrder", "CreateOrder", "CreateCustomer"},
    fields=(_LEAST.fields or frozenset())
    | {"Erp", "Product", "Order", "OrderProblem", "CustomerMatch"}
    | _fields(
        "Customer",
        "delivery_addresses recipients email phone payment_method payment_days price_list discount currency blocked "
        "group",
    ),
)
PRESETS = {"least": _LEAST, "orders": _ORDERS, "all": Preset(frozenset(OPERATIONS))}
