"""Customers that are created by Optima's objects: the members of `Kontrahent` that a draft fills."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass

from mostek.erp.v1.customer_pb2 import CustomerDraft, CustomerKind
from mostek.plugin.orders.problems import INCONSISTENT, TOO_LONG, Problems
from mostek.plugin.tax_ids import typed_tax_id
from mostek_optima.orders.cards import Customer, OptimaCards
from mostek_optima.orders.config import HOW_TO_ALLOW_CUSTOMERS, ComConfig

__all__ = ["NewCustomer", "plan_customer"]

#: Name lines.
_FIRST, _SECOND, _THIRD = 50, 50, 250
_LONGEST_CODE = 20
#: Members of `Adres` and their columns.
_ADDRESS = {
    "street": ("Ulica", "Knt_Ulica"),
    "house_number": ("NrDomu", "Knt_NrDomu"),
    "flat_number": ("NrLokalu", "Knt_NrLokalu"),
    "postal_code": ("KodPocztowy", "Knt_KodPocztowy"),
    "city": ("Miasto", "Knt_Miasto"),
    "commune": ("Gmina", "Knt_Gmina"),
    "county": ("Powiat", "Knt_Powiat"),
    "voivodeship": ("Wojewodztwo", "Knt_Wojewodztwo"),
}
_NOT_KNOWN = "how Optima's objects take it is not known: leave it out"
_UNSUPPORTED = (
    *("regon", "vat_payer", "eu_vat_payer", "gln", "correspondence_address", "invoice_email"),
    *("group_id", "price_list_id", "payment_method_id", "payment_days", "remarks", "attributes"),
)


@dataclass(frozen=True)
class NewCustomer:
    """What the office's `add_customer` is given."""

    members: Mapping[str, str]
    address: Mapping[str, str]
    tax_id: tuple[str, ...]


def plan_customer(
    cards: OptimaCards,
    config: ComConfig | None,
    draft: CustomerDraft,
    path: str,
    problems: Problems,
) -> tuple[Customer, NewCustomer] | None:
    """What a customer is to be created as; None if something is wrong, which `problems` then tells."""
    before = len(problems.found)
    if config is None or not config.customers:
        problems.unsupported(path, HOW_TO_ALLOW_CUSTOMERS)
    _refuse_unsupported(draft, path, problems)
    code = draft.code or _free_code(cards, draft.name)
    members = {"Akronim": problems.text(f"{path}.code", code, "varchar(20)")}
    members |= _names(draft, path, problems)
    for name, member, column in (("email", "Email", "Email"), ("phone", "Telefon1", "Telefon1")):
        kind = cards.lookup.type_of("Kontrahenci", f"Knt_{column}")
        if value := problems.text(f"{path}.{name}", getattr(draft, name), kind):
            members[member] = value
    address = _address(cards, draft, f"{path}.address", problems)
    tax_id = _tax_id(cards, draft, path, problems)
    if len(problems.found) > before:
        return None
    customer = Customer(id=0, code=code, name=draft.full_name or draft.name)
    return customer, NewCustomer(members, address, tax_id)


def _refuse_unsupported(draft: CustomerDraft, path: str, problems: Problems) -> None:
    given = {field.name for field, _ in draft.ListFields()}
    for name in _UNSUPPORTED:
        if name in given:
            problems.unsupported(f"{path}.{name}", _NOT_KNOWN)
    if draft.kind == CustomerKind.CUSTOMER_KIND_CONSUMER:
        problems.unsupported(f"{path}.kind", _NOT_KNOWN)
    if draft.address.post_office:
        problems.unsupported(f"{path}.address.post_office", _NOT_KNOWN)
    if draft.address.country not in {"", "PL"}:
        problems.unsupported(f"{path}.address.country", _NOT_KNOWN)


def _names(draft: CustomerDraft, path: str, problems: Problems) -> dict[str, str]:
    """The name's lines, broken between words; Optima has the full name only."""
    field = f"{path}.{'full_name' if draft.full_name else 'name'}"
    name = problems.text(field, draft.full_name or draft.name, "nvarchar(352)")
    lines = _lines(name, (_FIRST, _SECOND, _THIRD))
    if lines is None:
        problems.add(field, TOO_LONG, f"does not fit in lines of {_FIRST}, {_SECOND} and {_THIRD}")
        return {}
    return {f"Nazwa{place}": line for place, line in enumerate(lines, 1) if line}


def _lines(text: str, sizes: tuple[int, ...]) -> list[str] | None:
    """The text in lines of at most these sizes; None if a word of it does not fit."""
    rest, lines = text.strip(), []
    for size in sizes:
        end = len(rest) if len(rest) <= size else rest.rfind(" ", 0, size + 1)
        if end < 0:
            return None
        lines.append(rest[:end])
        rest = rest[end:].lstrip()
    return None if rest else lines


def _address(
    cards: OptimaCards, draft: CustomerDraft, path: str, problems: Problems
) -> dict[str, str]:
    address = draft.address
    parts = {
        member: problems.text(
            f"{path}.{name}", getattr(address, name), cards.lookup.type_of("Kontrahenci", column)
        )
        for name, (member, column) in _ADDRESS.items()
    }
    if address.address_line:
        if address.street or address.house_number or address.flat_number:
            both = "give this or street and house, not both"
            problems.add(f"{path}.address_line", INCONSISTENT, both)
        kind = cards.lookup.type_of("Kontrahenci", "Knt_Ulica")
        parts["Ulica"] = problems.text(f"{path}.address_line", address.address_line, kind)
    return {member: value for member, value in parts.items() if value}


def _tax_id(
    cards: OptimaCards, draft: CustomerDraft, path: str, problems: Problems
) -> tuple[str, ...]:
    found = typed_tax_id(draft.tax_id)
    if found is None:
        return ()
    country = "EL" if found.country == "GR" else found.country or "PL"
    kind = cards.lookup.type_of("Kontrahenci", "Knt_Nip")
    return country, problems.text(f"{path}.tax_id", found.number, kind)


def _free_code(cards: OptimaCards, name: str) -> str:
    """A code of letters and digits; `-2` and so on is appended while it is taken."""
    plain = unicodedata.normalize("NFKD", name.replace("ł", "l").replace("Ł", "L"))
    base = re.sub(r"[^A-Z0-9]", "", plain.upper())[:_LONGEST_CODE] or "KLIENT"
    code, number = base, 1
    while cards.by_code(code):
        number += 1
        ending = f"-{number}"
        code = base[: _LONGEST_CODE - len(ending)] + ending
    return code
