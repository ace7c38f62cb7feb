"""Ready-made policies: what they allow, in one place. `mostek-connector policy presets` prints it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from mostek.wire.operations import OPERATIONS

__all__ = ["PRESETS", "Preset", "shown"]


@dataclass(frozen=True)
class Preset:
    """`fields`: None allows all; else what is not below one of the paths stays here, what a later version adds too."""

    purpose: str
    operations: frozenset[str]
    fields: tuple[str, ...] | None = None


_LEAST = Preset(
    purpose="names, tax ids, addresses, invoice headers, balances",
    operations=frozenset(
        {
            "DescribeErp",
            "ListCustomers",
            "GetCustomer",
            "ListInvoices",
            "GetInvoice",
            "GetCustomerBalance",
        }
    ),
    fields=(
        *(
            f"Erp.{name}"
            for name in [
                "program",
                "program_version",
                "database_version",
                "company_name",
                "company_tax_id",
                "time_zone",
                "base_currency",
                "text_encoding",
                "operations",
                "change_tracking",
                "limits",
                "drift",
            ]
        ),
        *(
            f"Customer.{name}"
            for name in [
                "code",
                "name",
                "full_name",
                "kind",
                "tax_id",
                "address",
                "active",
                "changed_at",
            ]
        ),
        *(
            f"Invoice.{name}"
            for name in [
                "number",
                "kind",
                "state",
                "corrects",
                "correction_values",
                "parties.role",
                "parties.customer_id",
                "parties.customer_code",
                "parties.name",
                "parties.tax_id",
                "ksef.number",
                "ksef.state",
                "issue_date",
                "sale_date",
                "due_date",
                "currency",
                "net",
                "vat",
                "gross",
                "payable",
                "paid",
                "remaining",
            ]
        ),
        *(f"CustomerBalance.{name}" for name in ("as_of", "balances")),
    ),
)

_ORDERS = Preset(
    purpose="what it takes to place orders: least, products with prices and stock, orders. Writes stay off until "
    "`writes = true`",
    operations=_LEAST.operations
    | {
        "ListProducts",
        "GetProduct",
        "ListOrders",
        "GetOrder",
        "ValidateOrder",
        "CreateOrder",
        "CreateCustomer",
    },
    fields=(
        *(_LEAST.fields or ()),
        "Erp",
        *(
            f"Customer.{name}"
            for name in [
                "delivery_addresses",
                "recipients",
                "email",
                "phone",
                "payment_method",
                "payment_days",
                "price_list",
                "discount",
                "currency",
                "blocked",
                "group",
            ]
        ),
        "Product",
        "Order",
        "OrderProblem",
        "CustomerMatch",
    ),
)

PRESETS = {
    "least": _LEAST,
    "orders": _ORDERS,
    "all": Preset("everything but what `deny` names", frozenset(OPERATIONS)),
}


def shown() -> Iterator[str]:
    """The presets for people, line by line."""
    for name, preset in PRESETS.items():
        yield f"{name}: {preset.purpose}"
        yield f"  operations: {', '.join(one for one in OPERATIONS if one in preset.operations)}"
        fields = preset.fields
        yield "  fields: all" if fields is None else f"  fields: {', '.join(sorted(set(fields)))}"
