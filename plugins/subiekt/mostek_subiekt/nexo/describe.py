"""What is known of Subiekt nexo beside what its query files read, for `DescribeErp`."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from mostek.erp.v1.erp_pb2 import ChangeTrackingKind
from mostek.plugin.database import Database
from mostek.plugin.describe import Description, field_limits
from mostek.plugin.versions import VersionedLists
from mostek_subiekt.nexo.limits import COLUMNS, SCALES
from mostek_subiekt.nexo.schema import OWNER, reference_schema

__all__ = ["described", "versioned_lists"]

_OPERATIONS: Mapping[str, tuple[str, ...]] = {
    "erp": ("DescribeErp",),
    "customers": ("ListCustomers", "GetCustomer"),
    "products": ("ListProducts", "GetProduct"),
    "invoices": ("ListInvoices", "GetInvoice"),
    "receivables": ("ListReceivables",),
    "balances": ("GetCustomerBalance",),
    "orders": ("ListOrders", "GetOrder"),
}
#: Query → the tables whose versions tell of its rows.
_TABLES: Mapping[str, tuple[str, ...]] = {
    "customers": ("Podmioty", "Firmy", "Osoby", "Adresy", "AdresySzczegoly"),
    "products": ("Asortymenty", "PozycjeCennika", "JednostkiMiarAsortymentow"),
    "invoices": ("Dokumenty", "Rozrachunki"),
    "receivables": ("Rozrachunki",),
    "orders": ("Dokumenty", "StanyRealizacjiZamowien"),
}
_SEEN: Mapping[str, tuple[str, str]] = {
    "ListCustomers": (
        "customers",
        "The card, its addresses and names are seen; groups and e-mail are not.",
    ),
    "ListProducts": (
        "products",
        "The card, its prices and units are seen; bar codes and stock are not. Deleted ones are not told.",
    ),
    "ListInvoices": ("invoices", "Documents and payments are seen; the KSeF number alone is not."),
    "ListReceivables": ("receivables", "Settled ones are told too."),
    "ListOrders": ("orders", "Documents made of an order are seen by what they fulfil."),
}
_NONE = ChangeTrackingKind.CHANGE_TRACKING_KIND_NONE
_VERSION = ChangeTrackingKind.CHANGE_TRACKING_KIND_VERSION
_UNSEEN = "Rows have no version here (TimeStamp is no rowversion)."


def versioned_lists(database: Database) -> VersionedLists:
    """The lists of a database, with their change tokens."""
    tables = {query: tuple(f"{OWNER}.{name}" for name in names) for query, names in _TABLES.items()}
    return VersionedLists(database, tables, "TimeStamp")


def described(versioned: Collection[str]) -> Description:
    """What is told. `versioned`: the queries whose rows have a version in the database at hand."""
    tracking = {
        operation: (_VERSION, remark) if query in versioned else (_NONE, _UNSEEN)
        for operation, (query, remark) in _SEEN.items()
    }
    return Description(_OPERATIONS, tracking, field_limits(COLUMNS, reference_schema(), SCALES))
