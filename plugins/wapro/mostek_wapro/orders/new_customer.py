"""Customers that are created: rows of KONTRAHENT and ADRESY_KONTRAHENTA, as no procedure makes them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date

from mostek.erp.v1.common_pb2 import Address
from mostek.erp.v1.customer_pb2 import CustomerDraft, CustomerKind
from mostek.plugin.clarion import clarion
from mostek.plugin.orders.choices import known_id
from mostek.plugin.orders.lookup import Lookup, text
from mostek.plugin.orders.problems import INACTIVE, INCONSISTENT, NOT_FOUND, OTHER, Problems
from mostek_wapro.conversion import flag
from mostek_wapro.orders.config import HOW_TO_ALLOW_CUSTOMERS, OrdersConfig
from mostek_wapro.orders.customers import GREATEST_ID, Customer, known_code, number
from mostek_wapro.orders.insertion import inserted, next_number

__all__ = ["NewCustomer", "plan_customer"]

_TABLE, _HISTORY = "KONTRAHENT", "ADRESY_KONTRAHENTA"
_COMPANY, _CONSUMER = CustomerKind.CUSTOMER_KIND_COMPANY, CustomerKind.CUSTOMER_KIND_CONSUMER
_GROUP = "SELECT g.ID_GRUPY, g.ID_CENY FROM dbo.GRUPA_KONTRAHENTA g WHERE g.ID_FIRMY = ? AND "
_METHOD = (
    "SELECT f.NAZWA, f.DNI_NALEZNOSCI, f.AKTYWNA FROM dbo.FORMA_PLATNOSCI f"
    " WHERE f.ID_FORMY = ? AND (f.ID_FIRMY = ? OR f.ID_FIRMY IS NULL)"
)
_UNSUPPORTED = {
    "gln": "WAPRO Mag's cards have no GLN: leave it out",
    "invoice_email": "WAPRO Mag's cards have one e-mail: leave it out",
    "price_list_id": "a buyer has the price list of its group: give group_id instead",
}


@dataclass(frozen=True)
class NewCustomer:
    """A customer about to be created: columns of its card, and what an order needs to know of it."""

    columns: Mapping[str, object]
    customer: Customer

    def create(self, lookup: Lookup, company: int, today: date) -> Customer:
        """Write it, in the transaction of `lookup`'s session."""
        code = known_code(self.customer.code) or next_number(
            lookup, _TABLE, "KOD_KONTRAHENTA", "ID_FIRMY = ?", number(company)
        )
        columns = {"ID_FIRMY": company, "KOD_KONTRAHENTA": code, **self.columns}
        made = inserted(lookup, _TABLE, "ID_KONTRAHENTA", columns)
        shared = ("NAZWA_PELNA", "SYM_KRAJU", "KOD_POCZTOWY", "MIEJSCOWOSC", "ULICA_LOKAL")
        history = {name: columns[name] for name in (*shared, "WOJEWODZTWO", "POWIAT", "NIP")}
        history |= {"ID_KONTRAHENTA": made, "DATA_OD": clarion(today)}
        inserted(lookup, _HISTORY, "ID_ADRESY_KONTRAHENTA", history)
        return replace(self.customer, id=made, code=str(code))


def plan_customer(
    lookup: Lookup,
    company: int,
    config: OrdersConfig | None,
    draft: CustomerDraft,
    path: str,
    problems: Problems,
) -> NewCustomer | None:
    """What a customer is created from; None if something is wrong with it, which `problems` tells."""
    before = len(problems.found)
    if config is None or not config.customers:
        problems.unsupported(path, HOW_TO_ALLOW_CUSTOMERS)
    for name, reason in _UNSUPPORTED.items():
        if draft.HasField(name):  # type: ignore[arg-type]
            problems.unsupported(f"{path}.{name}", reason)
    if draft.attributes:
        problems.unsupported(f"{path}.attributes", "own fields can't be written: leave them out")
    if draft.code and known_code(draft.code) is None:
        problems.add(f"{path}.code", INCONSISTENT, "codes of customers are whole numbers here")
    columns = _card(lookup, draft, path, problems)
    columns |= _address(lookup, draft.address, f"{path}.address", "", problems)
    if draft.HasField("correspondence_address"):
        other = f"{path}.correspondence_address"
        columns |= _address(lookup, draft.correspondence_address, other, "_KOR", problems)
    group, price_list = _group(lookup, company, draft, path, problems)
    payment, days = _payment(lookup, company, draft, path, problems)
    columns |= {"ID_GRUPY": group, "FORMA_PLATNOSCI": payment, "TERMIN_NALEZNOSCI": days}
    if len(problems.found) > before:
        return None
    customer = Customer(
        id=0,
        code=draft.code.strip(),
        name=draft.full_name or draft.name,
        price_list=price_list,
        payment=payment,
        payment_days=days,
        eu_vat_payer=draft.eu_vat_payer,
    )
    return NewCustomer(columns, customer)


def _card(lookup: Lookup, draft: CustomerDraft, path: str, problems: Problems) -> dict[str, object]:
    def checked(name: str, column: str, value: str) -> str:
        return problems.text(f"{path}.{name}", value, lookup.type_of(_TABLE, column))

    company = (draft.kind or (_COMPANY if draft.tax_id else _CONSUMER)) == _COMPANY
    payer = draft.vat_payer if draft.HasField("vat_payer") else company
    named = "full_name" if draft.full_name else "name"
    return {
        "NAZWA": checked("name", "NAZWA", draft.name),
        "NAZWA_PELNA": checked(named, "NAZWA_PELNA", draft.full_name or draft.name),
        "NIP": checked("tax_id", "NIP", _as_kept(draft.tax_id)),
        "REGON": checked("regon", "REGON", draft.regon),
        "ADRES_EMAIL": checked("email", "ADRES_EMAIL", draft.email),
        "TELEFON_FIRMOWY": checked("phone", "TELEFON_FIRMOWY", draft.phone),
        "UWAGI": checked("remarks", "UWAGI", draft.remarks),
        "PLATNIK_VAT": int(payer),
        "VAT_CZYNNY": int(payer),
        "KontrahentUE": int(draft.eu_vat_payer),
        "ODBIORCA": 1,
        "DOSTAWCA": 0,
        "PRIORYTET": 2,
        "UTWORZONY_W_SYSTEMIE_ZEWNETRZNYM": 1,
        "FLAGA_STANU": 0,
    }


def _address(
    lookup: Lookup, address: Address, path: str, ending: str, problems: Problems
) -> dict[str, object]:
    """Street, house and flat are one column."""
    parts = {
        "SYM_KRAJU": ("country", address.country or "PL"),
        "KOD_POCZTOWY": ("postal_code", address.postal_code),
        "MIEJSCOWOSC": ("city", address.city),
        "ULICA_LOKAL": _street(address, path, problems),
        "WOJEWODZTWO": ("voivodeship", address.voivodeship),
        "POWIAT": ("county", address.county),
    }
    for name in ("post_office", "commune"):
        if getattr(address, name):
            problems.unsupported(
                f"{path}.{name}", "WAPRO Mag's addresses don't keep it: leave it out"
            )
    return {
        f"{column}{ending}": problems.text(
            f"{path}.{name}", value, lookup.type_of(_TABLE, f"{column}{ending}")
        )
        for column, (name, value) in parts.items()
    }


def _street(address: Address, path: str, problems: Problems) -> tuple[str, str]:
    house = "/".join(filter(None, (address.house_number, address.flat_number)))
    street = " ".join(filter(None, (address.street, house)))
    if not address.HasField("address_line"):
        return "street", street
    if street:
        problems.add(
            f"{path}.address_line", INCONSISTENT, "give this or street and house, not both"
        )
    return "address_line", address.address_line


def _group(
    lookup: Lookup, company: int, draft: CustomerDraft, path: str, problems: Problems
) -> tuple[int, int | None]:
    """The group of customers and its price list: the draft's, else the default one."""
    if draft.HasField("group_id"):
        wanted = known_id(draft.group_id, GREATEST_ID) or 0
        found = lookup.one(f"{_GROUP}g.ID_GRUPY = ?", number(company), number(wanted))
        if found is None:
            problems.add(f"{path}.group_id", NOT_FOUND, "there is no such group")
    else:
        found = lookup.one(f"{_GROUP}CAST(g.DOMYSLNA AS int) = 1", number(company))
        if found is None:
            problems.add(path, OTHER, "no group of customers is the default one: give group_id")
    return (int(found[0]), int(found[1]) if found[1] else None) if found else (0, None)


def _payment(
    lookup: Lookup, company: int, draft: CustomerDraft, path: str, problems: Problems
) -> tuple[str, int]:
    name, days = "", 0
    if draft.HasField("payment_method_id"):
        wanted = number(known_id(draft.payment_method_id, GREATEST_ID) or 0)
        found = lookup.one(_METHOD, wanted, number(company))
        where = f"{path}.payment_method_id"
        if found is None:
            problems.add(where, NOT_FOUND, "there is no such payment method")
        elif found[2] is not None and not flag(found[2]):
            problems.add(where, INACTIVE, "the payment method is withdrawn")
        if found:
            name, days = text(found[0]), int(found[1] or 0)
    return name, draft.payment_days if draft.HasField("payment_days") else days


def _as_kept(tax_id: str) -> str:
    """A NIP as ten digits, another country's number with its prefix."""
    return re.sub(r"[^0-9A-Z]", "", tax_id.upper()).removeprefix("PL")
