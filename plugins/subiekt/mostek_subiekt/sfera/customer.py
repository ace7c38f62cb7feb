"""Customers that are created by Sfera GT: the members of `Kontrahent` that a draft fills."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from mostek.erp.v1.customer_pb2 import CustomerDraft, CustomerKind
from mostek.plugin.orders.choices import known_id
from mostek.plugin.orders.problems import NOT_FOUND, Problems
from mostek_subiekt.orders.addresses import address_parts
from mostek_subiekt.orders.config import SferaConfig
from mostek_subiekt.orders.customers import PRICE_LEVELS, Customer, Customers
from mostek_subiekt.orders.new_customer import as_kept, existing, person_names
from mostek_subiekt.orders.rows import Rows

__all__ = ["NewCustomer", "plan_customer"]

_COMPANY, _CONSUMER = CustomerKind.CUSTOMER_KIND_COMPANY, CustomerKind.CUSTOMER_KIND_CONSUMER
_BUYER = 2
#: What `Nazwa` and `Symbol` take; the columns are longer.
_NAME, _CODE = "varchar(50)", "varchar(20)"
_SHORT_CODE = 16
_ADDRESS = {
    "Ulica": "Ulica",
    "NrDomu": "NrDomu",
    "NrLokalu": "NrLokalu",
    "Kod": "KodPocztowy",
    "Miejscowosc": "Miejscowosc",
    "IdPanstwo": "Panstwo",
}
_NOT_KNOWN = "how Sfera takes it is not known: leave it out"
_UNSUPPORTED = ("invoice_email", "attributes", "correspondence_address")
_UNSUPPORTED_OF_ADDRESS = ("post_office", "commune", "county", "voivodeship")
_NOT_ALLOWED = (
    "customers are not created here: set customers = true in [companies.<name>.orders] of the"
    " connector's configuration"
)


@dataclass(frozen=True)
class NewCustomer:
    """What the office's `add_customer` is given."""

    members: Mapping[str, Any]
    phone: str


def plan_customer(
    rows: Rows, config: SferaConfig, draft: CustomerDraft, path: str, problems: Problems
) -> tuple[Customer, NewCustomer] | None:
    """What a customer is to be created as; None if something is wrong, which `problems` then tells."""
    before = len(problems.found)
    if not config.customers:
        problems.unsupported(path, _NOT_ALLOWED)
    _refuse_unsupported(draft, path, problems)
    code = problems.text(f"{path}.code", draft.code, _CODE) or free_code(
        Customers(rows), draft.name
    )
    members = {"Symbol": code, "Typ": _BUYER, **_names(rows, draft, path, problems)}
    members |= _seat(rows, draft, path, problems)
    members |= _terms(rows, draft, path, problems)
    phone = problems.text(f"{path}.phone", draft.phone, rows.type_of("adr__Ewid", "adr_Telefon"))
    if len(problems.found) > before:
        return None
    customer = Customer(
        id=0,
        code=code,
        name=draft.full_name or draft.name,
        price_list=members.get("PoziomCenPrzySprzedazyId"),
        payment_form=members.get("KredytKupieckiTerminId"),
    )
    return customer, NewCustomer(members, phone)


def _refuse_unsupported(draft: CustomerDraft, path: str, problems: Problems) -> None:
    given = {field.name for field, _ in draft.ListFields()}
    for name in _UNSUPPORTED:
        if name in given:
            problems.unsupported(f"{path}.{name}", _NOT_KNOWN)
    for name in _UNSUPPORTED_OF_ADDRESS:
        if getattr(draft.address, name):
            problems.unsupported(f"{path}.address.{name}", _NOT_KNOWN)
    if draft.HasField("payment_days"):
        problems.unsupported(
            f"{path}.payment_days",
            "Subiekt GT has the days in the payment method: give payment_method_id instead",
        )


def _names(rows: Rows, draft: CustomerDraft, path: str, problems: Problems) -> dict[str, Any]:
    kind = draft.kind or (_COMPANY if draft.tax_id else _CONSUMER)
    full, named = rows.type_of("adr__Ewid", "adr_NazwaPelna"), "full_name"
    members: dict[str, Any] = {
        "Nazwa": problems.text(f"{path}.name", draft.name, _NAME),
        "NazwaPelna": problems.text(
            f"{path}.{named if draft.full_name else 'name'}", draft.full_name or draft.name, full
        ),
        "Osoba": kind == _CONSUMER,
        "OdbiorcaDetaliczny": kind == _CONSUMER,
    }
    if kind == _CONSUMER:
        first, last = person_names(rows, draft, path, problems)
        members |= {"OsobaImie": first, "OsobaNazwisko": last}
    return members


def _seat(rows: Rows, draft: CustomerDraft, path: str, problems: Problems) -> dict[str, Any]:
    parts = address_parts(rows, draft.address, f"{path}.address", problems)
    members = {member: parts[column] for column, member in _ADDRESS.items()}
    tax_id = rows.type_of("adr__Ewid", "adr_NIP")
    members["NIP"] = problems.text(f"{path}.tax_id", as_kept(draft.tax_id), tax_id)
    if draft.HasField("gln"):
        members["GLN"] = draft.gln
        if not rows.has("adr__Ewid", "adr_GLN"):
            problems.unsupported(f"{path}.gln", "this version of the ERP has no GLN: leave it out")
    return members


def _terms(rows: Rows, draft: CustomerDraft, path: str, problems: Problems) -> dict[str, Any]:
    def checked(name: str, column: str) -> str:
        kind = rows.type_of("kh__Kontrahent", column)
        return problems.text(f"{path}.{name}", getattr(draft, name), kind)

    members: dict[str, Any] = {
        "REGON": checked("regon", "kh_REGON"),
        "Email": checked("email", "kh_EMail"),
        "Uwagi": checked("remarks", "kh_Uwagi"),
    }
    if draft.HasField("vat_payer"):
        members["CzynnyPodatnikVAT"] = draft.vat_payer
    if draft.HasField("eu_vat_payer"):
        members["PodatnikVatUE"] = draft.eu_vat_payer
    if draft.HasField("group_id"):
        sql = "SELECT grk_Id FROM dbo.sl_GrupaKh WHERE grk_Id = ?"
        members["GrupaId"] = existing(rows, sql, draft.group_id, f"{path}.group_id", problems)
    if draft.HasField("price_list_id"):
        members["PoziomCenPrzySprzedazyId"] = level = known_id(draft.price_list_id)
        if level not in PRICE_LEVELS:
            problems.add(f"{path}.price_list_id", NOT_FOUND, "price lists are numbered 1 to 10")
    if draft.HasField("payment_method_id"):
        sql = "SELECT fp_Id FROM dbo.sl_FormaPlatnosci WHERE fp_Id = ? AND fp_Typ = 0"
        where = f"{path}.payment_method_id"
        members["KredytKupiecki"] = True
        members["KredytKupieckiTerminId"] = existing(
            rows, sql, draft.payment_method_id, where, problems
        )
    return members


def free_code(customers: Customers, name: str) -> str:
    """A code of the letters and digits that Sfera is known to take; `-2` and so on is appended while it is taken."""
    plain = unicodedata.normalize("NFKD", name.replace("ł", "l").replace("Ł", "L"))
    base = re.sub(r"[^A-Z0-9]", "", plain.upper())[:_SHORT_CODE] or "KLIENT"
    code, number = base, 1
    while customers.by_code(code):
        number += 1
        ending = f"-{number}"
        code = base[: _SHORT_CODE - len(ending)] + ending
    return code
