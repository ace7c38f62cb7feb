"""Contractors that are created: the members of the program's `Kontrahent` that a draft fills."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from mostek.erp.v1.common_pb2 import Address, TaxIdKind
from mostek.erp.v1.customer_pb2 import CustomerDraft, CustomerKind
from mostek.plugin.orders.cards import CustomerCard
from mostek.plugin.orders.choices import known_id
from mostek.plugin.orders.lookup import Lookup, text
from mostek.plugin.orders.problems import INCONSISTENT, NOT_FOUND, Problems
from mostek.plugin.sql_types import Param
from mostek.plugin.tax_ids import TypedTaxId, typed_tax_id
from mostek_enova.conversion import first_line
from mostek_enova.limits import COLUMNS
from mostek_enova.orders.cards import EnovaCards
from mostek_enova.orders.config import HOW_TO_ALLOW_CUSTOMERS

__all__ = ["NewCustomer", "plan_customer"]

_COMPANY, _CONSUMER = CustomerKind.CUSTOMER_KIND_COMPANY, CustomerKind.CUSTOMER_KIND_CONSUMER
_POSTAL = re.compile(r"(\d\d)-?(\d\d\d)")
_SHORT_CODE = 12
_NOT_KNOWN = "how the program takes it is not known: leave it out"
_UNSUPPORTED = ("invoice_email", "group_id", "price_list_id", "remarks", "attributes")
_TEXTS = {
    "street": "Ulica",
    "house_number": "NrDomu",
    "flat_number": "NrLokalu",
    "city": "Miejscowosc",
    "post_office": "Poczta",
    "commune": "Gmina",
    "county": "Powiat",
}


@dataclass(frozen=True)
class NewCustomer:
    """What the office's `add_customer` is given: members of the contractor and of its addresses, and the rest."""

    members: Mapping[str, Any]
    address: Mapping[str, str]
    correspondence: Mapping[str, str]
    email: str
    payment_form: str


def plan_customer(
    lookup: Lookup,
    cards: EnovaCards,
    draft: CustomerDraft,
    path: str,
    problems: Problems,
    allowed: bool,
) -> tuple[CustomerCard, NewCustomer] | None:
    """What a contractor is to be created as; None if something is wrong, which `problems` then tells."""
    before = len(problems.found)
    if not allowed:
        problems.unsupported(path, HOW_TO_ALLOW_CUSTOMERS)
    checked = _Checked(lookup, draft, path, problems)
    checked.refuse_unsupported()
    tax_id = typed_tax_id(draft.tax_id, draft.address.country) if draft.tax_id else None
    code = checked.text("code", draft.code) or _free_code(cards, draft.name)
    new = NewCustomer(
        members={"Kod": code, "Nazwa": checked.text("name", draft.name)}
        | checked.identity(tax_id)
        | checked.terms(),
        address=checked.seat(),
        correspondence=checked.address("correspondence_address", draft.correspondence_address),
        email=checked.text("email", draft.email),
        payment_form=checked.payment_form(),
    )
    if len(problems.found) > before:
        return None
    name = first_line(draft.name) or ""
    return CustomerCard(id=0, code=code, name=name, tax_id=tax_id), new


@dataclass(frozen=True)
class _Checked:
    """The parts of one draft, checked on the way."""

    lookup: Lookup
    draft: CustomerDraft
    path: str
    problems: Problems

    def text(self, name: str, value: str) -> str:
        table, _, column = COLUMNS[f"CustomerDraft.{name}"].rpartition(".")
        kind = self.lookup.catalogue.type_of(table, column)
        return self.problems.text(f"{self.path}.{name}", value, kind or "nvarchar(max)")

    def refuse_unsupported(self) -> None:
        draft, refuse = self.draft, self.problems.unsupported
        given = {field.name for field, _ in draft.ListFields()}
        for name in _UNSUPPORTED:
            if name in given:
                refuse(f"{self.path}.{name}", _NOT_KNOWN)
        if draft.full_name and draft.full_name != draft.name:
            refuse(f"{self.path}.full_name", "enova365 has one name: leave it out")

    def identity(self, tax_id: TypedTaxId | None) -> dict[str, Any]:
        """Kind, tax number, VAT: members are enumerations where their value is a pair (type, name)."""
        kind = self.draft.kind or (_COMPANY if self.draft.tax_id else _CONSUMER)
        status = "Finalny" if kind == _CONSUMER else "PodmiotGospodarczy"
        abroad = bool(tax_id and tax_id.kind == TaxIdKind.TAX_ID_KIND_EU_VAT)
        members: dict[str, Any] = {
            "StatusPodmiotu": ("StatusPodmiotu", status),
            "RodzajPodmiotu": ("RodzajPodmiotu", "Unijny" if abroad else "Krajowy"),
        }
        if self.draft.HasField("vat_payer"):
            members["PodatnikVAT"] = self.draft.vat_payer
        if self.draft.HasField("eu_vat_payer") and self.draft.eu_vat_payer is not abroad:
            said = "only customers with a VAT number of another state of the EU are such here"
            self.problems.unsupported(f"{self.path}.eu_vat_payer", said)
        return members | self._number(tax_id)

    def _number(self, tax_id: TypedTaxId | None) -> dict[str, str]:
        if tax_id is None:
            return {}
        if tax_id.kind == TaxIdKind.TAX_ID_KIND_NIP:
            return {"NIP": self.text("tax_id", tax_id.number)}
        if tax_id.kind == TaxIdKind.TAX_ID_KIND_EU_VAT:
            prefix = "EL" if tax_id.country == "GR" else tax_id.country
            return {"EuVAT": self.text("tax_id", f"{prefix}{tax_id.number}")}
        said = "how the program takes numbers from outside of the EU is not known: leave it out"
        self.problems.unsupported(f"{self.path}.tax_id", said)
        return {}

    def terms(self) -> dict[str, Any]:
        members: dict[str, Any] = {}
        if self.draft.regon:
            members["REGON"] = self.text("regon", self.draft.regon)
        if self.draft.HasField("payment_days"):
            members["Termin"] = self.draft.payment_days
        return members

    def payment_form(self) -> str:
        """The Guid of the form (FormyPlatnosci) with the name that the payment method has."""
        if not self.draft.HasField("payment_method_id"):
            return ""
        path = f"{self.path}.payment_method_id"
        number = known_id(self.draft.payment_method_id)
        found = number and self.lookup.one(
            "SELECT MIN(CAST(f.Guid AS nvarchar(36))), COUNT(*) FROM dbo.SposobyZaplaty s"
            " JOIN dbo.FormyPlatnosci f ON f.Nazwa = s.Nazwa WHERE s.ID = ?",
            Param.of(number, "int"),
        )
        if not found or found[1] != 1:
            self.problems.add(path, NOT_FOUND, "there is no payment form for cards with its name")
            return ""
        return text(found[0])

    def seat(self) -> dict[str, str]:
        members = self.address("address", self.draft.address)
        if self.draft.phone:
            members["Telefon"] = self.text("phone", self.draft.phone)
        if self.draft.gln:
            members["GLN"] = self.draft.gln
            if not self.lookup.has("Adresy", "AdresGLN"):
                said = "this version of the ERP has no GLN: leave it out"
                self.problems.unsupported(f"{self.path}.gln", said)
        return members

    def address(self, name: str, address: Address) -> dict[str, str]:
        """Members of `Adres`; of Poland's the country is the program's default."""
        where = f"{self.path}.{name}"
        members = {
            member: self.text(f"{name}.{part}", getattr(address, part))
            for part, member in _TEXTS.items()
            if getattr(address, part)
        }
        if address.address_line:
            if address.street or address.house_number or address.flat_number:
                said = "give this or street and house, not both"
                self.problems.add(f"{where}.address_line", INCONSISTENT, said)
            members["Ulica"] = self.text(f"{name}.street", address.address_line)
        if address.voivodeship:
            self.problems.unsupported(f"{where}.voivodeship", _NOT_KNOWN)
        return members | self._postal_code(where, address)

    def _postal_code(self, where: str, address: Address) -> dict[str, str]:
        if address.country not in {"", "PL"}:
            abroad = {"KodKraju": address.country}
            code = address.postal_code
            return abroad | ({"ZagranicznyKodPocztowy": code} if code else {})
        if not address.postal_code:
            return {}
        match = _POSTAL.fullmatch(address.postal_code)
        if not match:
            said = 'must be like "00-950" in Poland'
            self.problems.add(f"{where}.postal_code", INCONSISTENT, said)
            return {}
        return {"KodPocztowyS": f"{match[1]}-{match[2]}"}


def _free_code(cards: EnovaCards, name: str) -> str:
    """A code of the name's letters and digits; `-2` and so on is appended while it is taken."""
    plain = unicodedata.normalize("NFKD", name.replace("ł", "l").replace("Ł", "L"))
    base = re.sub(r"[^A-Z0-9]", "", plain.upper())[:_SHORT_CODE] or "KLIENT"
    code, number = base, 1
    while cards.by_code(code):
        number += 1
        ending = f"-{number}"
        code = base[: _SHORT_CODE - len(ending)] + ending
    return code
