"""Customers that are created: a copy of one that the program made, with another name, tax id and address."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime

from mostek.erp.v1.customer_pb2 import CustomerDraft, CustomerKind
from mostek.plugin.orders.choices import known_id
from mostek.plugin.orders.lookup import integer
from mostek.plugin.orders.problems import INACTIVE, NOT_FOUND, Problems
from mostek_subiekt.orders.addresses import (
    CORRESPONDENCE,
    DELIVERY,
    SEAT,
    Addresses,
    address_parts,
)
from mostek_subiekt.orders.config import HOW_TO_ALLOW_CUSTOMERS, OrdersConfig
from mostek_subiekt.orders.customers import PRICE_LEVELS, Customer, Customers
from mostek_subiekt.orders.rows import Rows

__all__ = ["NewCustomer", "as_kept", "existing", "person_names", "plan_customer"]

_COMPANY, _CONSUMER = CustomerKind.CUSTOMER_KIND_COMPANY, CustomerKind.CUSTOMER_KIND_CONSUMER
_CODE = "varchar(20)"
_SHORT_CODE = 16

#: What belongs to the customer that is copied and to nobody else: documents, consents, contacts, links, numbers.
_ITS_OWN: dict[str, object] = {
    **dict.fromkeys(("kh_Kontakt", "kh_PESEL", "kh_NrDowodu", "kh_OrganWyd", "kh_PrefKontakt"), ""),
    **dict.fromkeys(("kh_WWW", "kh_EMail", "kh_NrAnalitykaD", "kh_NrAnalitykaO"), ""),
    **dict.fromkeys(
        ("kh_GaduGadu", "kh_Skype", "kh_Powitanie", "kh_Komunikat", "kh_Pracownik"), ""
    ),
    **dict.fromkeys(("kh_Domena", "kh_KRS", "kh_Imie", "kh_Nazwisko", "kh_REGON", "kh_Uwagi"), ""),
    **{f"kh_Pole{number}": "" for number in range(1, 9)},
    **dict.fromkeys(("kh_ZgodaDO", "kh_ZgodaMark", "kh_ZgodaEMail", "kh_EFakturyZgoda"), 0),
    **dict.fromkeys(("kh_ZgodaNewsletterVendero", "kh_KlientSklepuInternetowego"), 0),
    **dict.fromkeys(("kh_CzyKomunikat", "kh_UpowaznienieVAT", "kh_AdresDostawy"), 0),
    **dict.fromkeys(("kh_DataWyd", "kh_IdOsobaDO", "kh_EFakturyData", "kh_KomunikatOd"), None),
    **dict.fromkeys(("kh_DataVAT", "kh_OsobaVAT", "kh_DataOkolicznosciowa", "kh_Grafika"), None),
    **dict.fromkeys(("kh_IdOdbiorca", "kh_IdNabywca", "kh_IdRachunkuWirtualnego"), None),
    **dict.fromkeys(("kh_IdOstatniWpisWeryfikacjiStatusuVAT", "kh_Lokalizacja"), None),
    **dict.fromkeys(("kh_IdOstatniWpisWeryfikacjiStatusuVIES", "kh_NrAkcyzowy"), None),
    "kh_IdOstatniWpisWeryfikacjiWykazPodatnikowVAT": None,
}
_ADDRESS_ITS_OWN: dict[str, object] = {
    **dict.fromkeys(("Telefon", "Faks", "Skrytka", "Symbol", "NrEORI", "NIP"), ""),
    **dict.fromkeys(("IdGminy", "NrUrzeduSkarbowego", "IdWewPodmiot3KSeF", "GLN"), None),
}
_UNSUPPORTED = {
    "invoice_email": "an address for invoices can't be written by direct SQL: leave it out",
    "attributes": "own fields of customers can't be written by direct SQL: leave them out",
}


@dataclass(frozen=True)
class NewCustomer:
    """A customer about to be created: columns of `kh__Kontrahent`, parts of the addresses, the customer to copy."""

    template: int
    code: str
    name: str
    columns: Mapping[str, object]
    seat: Mapping[str, object]
    correspondence: Mapping[str, object] | None
    #: What an order needs to know of it.
    customer: Customer

    def create(self, rows: Rows, now: datetime) -> Customer:
        """Write it, in the transaction of `rows`."""
        number = rows.next_id("kh__Kontrahent")
        code = self.code or _free_code(Customers(rows), self.name)
        changes = dict(self.columns) | {"kh_Id": number, "kh_Symbol": code}
        rows.copy(
            "kh__Kontrahent",
            "kh_Id",
            self.template,
            changes | {"kh_DataDodania": now, "kh_DataZmiany": now},
        )
        seat = self._addresses(rows, number, now)
        return replace(self.customer, id=number, code=code, address=seat)

    def _addresses(self, rows: Rows, customer: int, now: datetime) -> int:
        """Copies of all the addresses that the program made for the other customer; the id of the seat."""
        written: dict[int, int] = {}
        for kind in (SEAT, CORRESPONDENCE, DELIVERY):
            source = Addresses(rows).of(self.template, kind)
            wanted = kind == CORRESPONDENCE and self.correspondence is not None
            source = source or (Addresses(rows).of(self.template, SEAT) if wanted else None)
            if source:
                parts = self.correspondence if wanted and self.correspondence else self.seat
                written[kind] = _address(rows, source, customer, kind, parts, now)
        return written[SEAT]


def _address(
    rows: Rows,
    source: int,
    customer: int,
    kind: int,
    parts: Mapping[str, object],
    now: datetime,
) -> int:
    addresses = Addresses(rows)
    number, version = rows.next_id("adr__Ewid"), rows.next_id("adr_Historia")
    changes: dict[str, object] = {f"adr_{name}": value for name, value in parts.items()}
    changes |= {"adr_Id": number, "adr_IdObiektu": customer, "adr_TypAdresu": kind}
    changes |= {"adr_DataZmiany": now}
    own = rows.row("adr__Ewid", "adr_Id", source) or {}
    if own.get("adr_idwersja") in addresses.versions(source):
        changes["adr_IdWersja"] = version
    rows.copy("adr__Ewid", "adr_Id", source, changes)
    addresses.freeze(number, number=version)
    return number


def plan_customer(
    rows: Rows, config: OrdersConfig | None, draft: CustomerDraft, path: str, problems: Problems
) -> NewCustomer | None:
    """What a customer is to be created as; None if something is wrong, which `problems` then tells."""
    before = len(problems.found)
    template = _template(rows, config, draft, path, problems)
    for name, reason in _UNSUPPORTED.items():
        if getattr(draft, name):
            problems.unsupported(f"{path}.{name}", reason)
    code = problems.text(f"{path}.code", draft.code, _CODE)
    columns = _columns(rows, draft, path, problems)
    seat = _seat(rows, draft, path, problems)
    correspondence = None
    if draft.HasField("correspondence_address"):
        where = f"{path}.correspondence_address"
        other = address_parts(rows, draft.correspondence_address, where, problems)
        correspondence = seat | other
    if len(problems.found) > before or template is None:
        return None
    customer = replace(
        template, id=0, code=code, name=draft.full_name or draft.name, uses_delivery_address=False
    )
    if draft.HasField("price_list_id"):
        customer = replace(customer, price_list=known_id(draft.price_list_id))
    if draft.HasField("payment_method_id"):
        customer = replace(customer, payment_form=known_id(draft.payment_method_id))
    return NewCustomer(template.id, code, draft.name, columns, seat, correspondence, customer)


def _template(
    rows: Rows, config: OrdersConfig | None, draft: CustomerDraft, path: str, problems: Problems
) -> Customer | None:
    kind = draft.kind or (_COMPANY if draft.tax_id else _CONSUMER)
    named = None
    if config:
        named = config.company_template if kind == _COMPANY else config.consumer_template
    if config is None or not config.customers or named is None:
        which = "companies" if kind == _COMPANY else "consumers"
        missing = f" (There is no template for {which}.)" if config and config.customers else ""
        problems.unsupported(path, HOW_TO_ALLOW_CUSTOMERS + missing)
        return None
    found = _named(Customers(rows), named)
    if len(found) != 1 or not found[0].address:
        problems.unsupported(
            path,
            "the customer that customers are copied from is not there: correct its code or id"
            " in [companies.<name>.orders]",
        )
        return None
    if _is_person(rows, found[0]) != (kind == _CONSUMER):
        problems.unsupported(
            path, "company_template has to be a company and consumer_template a private person"
        )
    if found[0].blocked:
        problems.add(path, INACTIVE, "the customer that customers are copied from is blocked")
    return found[0]


def _named(customers: Customers, named: str | int) -> list[Customer]:
    return customers.by_code(named) if isinstance(named, str) else customers.by_id(str(named))


def _is_person(rows: Rows, customer: Customer) -> bool:
    found = rows.one(
        "SELECT kh_Osoba FROM dbo.kh__Kontrahent WHERE kh_Id = ?", integer(customer.id)
    )
    return bool(found and found[0])


def _columns(rows: Rows, draft: CustomerDraft, path: str, problems: Problems) -> dict[str, object]:
    def checked(name: str, column: str) -> str:
        kind = rows.type_of("kh__Kontrahent", column)
        return problems.text(f"{path}.{name}", getattr(draft, name), kind)

    columns = dict(_ITS_OWN)
    columns["kh_REGON"] = checked("regon", "kh_REGON")
    columns["kh_EMail"] = checked("email", "kh_EMail")
    columns["kh_Uwagi"] = checked("remarks", "kh_Uwagi")
    columns["kh_AdresKoresp"] = draft.HasField("correspondence_address")
    if draft.HasField("vat_payer"):
        columns["kh_CzynnyPodatnikVAT"] = draft.vat_payer
    if draft.HasField("eu_vat_payer"):
        columns["kh_PodVATZarejestrowanyWUE"] = draft.eu_vat_payer
    if (draft.kind or (_COMPANY if draft.tax_id else _CONSUMER)) == _CONSUMER:
        columns["kh_Imie"], columns["kh_Nazwisko"] = person_names(rows, draft, path, problems)
    return columns | _references(rows, draft, path, problems)


def person_names(
    rows: Rows, draft: CustomerDraft, path: str, problems: Problems
) -> tuple[str, str]:
    """First word and the rest: the contract has one name, the ERP two."""
    first, _, last = draft.name.strip().partition(" ")
    kinds = [rows.type_of("kh__Kontrahent", name) for name in ("kh_Imie", "kh_Nazwisko")]
    if not last or len(first) > (kinds[0].size or 0):
        first, last = "", draft.name.strip()
    checked = [
        problems.text(f"{path}.name", value, kind)
        for value, kind in zip((first, last.strip()), kinds, strict=True)
    ]
    return checked[0], checked[1]


def _references(
    rows: Rows, draft: CustomerDraft, path: str, problems: Problems
) -> dict[str, object]:
    columns: dict[str, object] = {}
    if draft.HasField("group_id"):
        sql = "SELECT grk_Id FROM dbo.sl_GrupaKh WHERE grk_Id = ?"
        columns["kh_IdGrupa"] = existing(rows, sql, draft.group_id, f"{path}.group_id", problems)
    if draft.HasField("price_list_id"):
        level = known_id(draft.price_list_id)
        columns["kh_Cena"] = level
        if level not in PRICE_LEVELS:
            problems.add(f"{path}.price_list_id", NOT_FOUND, "price lists are numbered 1 to 10")
    if draft.HasField("payment_method_id"):
        sql = "SELECT fp_Id, fp_Termin FROM dbo.sl_FormaPlatnosci WHERE fp_Id = ? AND fp_Typ = 0"
        where = f"{path}.payment_method_id"
        columns["kh_IdFormaP"] = existing(rows, sql, draft.payment_method_id, where, problems)
    if draft.HasField("payment_days"):
        problems.unsupported(
            f"{path}.payment_days",
            "Subiekt GT has the days in the payment method: give payment_method_id instead",
        )
    return columns


def existing(rows: Rows, sql: str, wanted: str, path: str, problems: Problems) -> int | None:
    number = known_id(wanted)
    found = rows.one(sql, integer(number)) if number else None
    if found is None:
        problems.add(path, NOT_FOUND, "there is none with this id")
    return number


def _seat(rows: Rows, draft: CustomerDraft, path: str, problems: Problems) -> dict[str, object]:
    def checked(name: str, value: str, column: str) -> str:
        return problems.text(f"{path}.{name}", value, rows.type_of("adr__Ewid", f"adr_{column}"))

    parts = dict(_ADDRESS_ITS_OWN) | address_parts(rows, draft.address, f"{path}.address", problems)
    parts["Nazwa"] = checked("name", draft.name, "Nazwa")
    named = "full_name" if draft.full_name else "name"
    parts["NazwaPelna"] = checked(named, draft.full_name or draft.name, "NazwaPelna")
    parts["NIP"] = checked("tax_id", as_kept(draft.tax_id), "NIP")
    parts["Telefon"] = checked("phone", draft.phone, "Telefon")
    if draft.HasField("gln"):
        if rows.has("adr__Ewid", "adr_GLN"):
            parts["GLN"] = draft.gln
        else:
            problems.unsupported(f"{path}.gln", "this version of the ERP has no GLN: leave it out")
    return parts


def as_kept(tax_id: str) -> str:
    """A NIP as ten digits, another country's number with its prefix."""
    return re.sub(r"[^0-9A-Z]", "", tax_id.upper()).removeprefix("PL")


def _free_code(customers: Customers, name: str) -> str:
    """A code made of the name's letters and digits; `(2)` and so on is appended while it is taken."""
    base = re.sub(r"[\W_]", "", name).upper()[:_SHORT_CODE] or "KLIENT"
    code, number = base, 1
    while customers.by_code(code):
        number += 1
        ending = f"({number})"
        code = base[: 20 - len(ending)] + ending
    return code
