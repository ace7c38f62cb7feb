"""Contractors (kontrahenci): companies, consumers, public bodies and all that a card index gathers."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import date, timedelta
from random import Random

from mostek.plugin import invented
from mostek.plugin.invented import Place, Pools
from mostek.plugin.sandbox_writer import Row, Writer, day_text, money
from mostek_subiekt.sandbox.dictionaries import NO_FORM, Dictionaries, Form

__all__ = ["LEAST_CUSTOMERS", "CardIndex", "Customer", "write_customers"]

LEAST_CUSTOMERS = 40
"""With fewer, some kinds of contractor would be missing."""

_ROLES = (
    *("supplier",) * 3,
    *("company",) * 14,
    "public",
    *("school",) * 2,
    *("sole_trader",) * 3,
    *("consumer",) * 4,
    *("one_off",) * 3,
    *("blocked",) * 2,
    "prospect",
    "german",
    "czech",
    "abroad",
    "branch",
    "retail",
)
_BUSINESSES = (
    *("Hurtownia Elektryczna", "Zakłady Mięsne", "Piekarnia", "Usługi Budowlane", "Sklep Żelazny"),
    *("Biuro Rachunkowe", "Gospodarstwo Ogrodnicze", "Warsztat Samochodowy", "Księgarnia"),
    *("Przedsiębiorstwo Handlowe", "Zakład Ślusarski", "Studio Mebli", "Apteka", "Żwirownia"),
)
_LEGAL_FORMS = ("sp. z o.o.", "S.A.", "sp.j.", "sp. z o.o. sp.k.", "s.c.")


@dataclass(slots=True)
class Customer:
    """What documents need to know of a contractor.

    `versions` are the frozen addresses (adr_Historia) with the day from which each holds.
    """

    id: int
    role: str
    symbol: str
    name: str
    nip: str
    address: int = 0
    versions: list[tuple[date, int]] = field(default_factory=list)
    delivery_version: int | None = None
    form: Form = NO_FORM
    level: int = 2
    recipients: list[Customer] = field(default_factory=list)

    def version(self, day: date) -> int:
        """The frozen address that a document of that day is printed with."""
        return max(v for v in self.versions if v[0] <= day)[1]

    @property
    def is_person(self) -> bool:
        return self.role in {"consumer", "one_off", "retail"}


@dataclass(frozen=True, slots=True)
class CardIndex:
    """All contractors; the two operators, to whom card payments and credits move, stand apart."""

    card_centre: Customer
    credit_institution: Customer
    customers: list[Customer]


def write_customers(
    writer: Writer, rng: Random, names: Pools, dictionaries: Dictionaries, count: int
) -> CardIndex:
    """Write `count` contractors of all kinds, the two operators among them."""
    cards = _Cards(writer, rng, names, dictionaries)
    return CardIndex(
        cards.operator(dictionaries.card_centre, "Centrum Kart Płatniczych S.A.", "kh_CentrumAut"),
        cards.operator(dictionaries.credit_institution, "Raty Bank S.A.", "kh_InstKredytowa"),
        [cards.contractor(_ROLES[i % len(_ROLES)], i) for i in range(count - 2)],
    )


class _Cards:
    def __init__(
        self, writer: Writer, rng: Random, names: Pools, dictionaries: Dictionaries
    ) -> None:
        self._writer = writer
        self._rng = rng
        self._names = names
        self._dictionaries = dictionaries
        self._symbols: dict[str, int] = {}
        self._start = dictionaries.today - timedelta(days=1500)
        self._public: Customer | None = None
        self._company_nip = ""

    def operator(self, number: int, name: str, flag: str) -> Customer:
        customer = Customer(number, "operator", self._symbol(name), name, invented.nip(self._rng))
        self._addresses(customer, customer.nip, 0)
        self._writer.add("kh__Kontrahent", self._row(customer, 0) | {flag: 1})
        return customer

    def contractor(self, role: str, index: int) -> Customer:
        rng = self._rng
        first, last = self._names.person(rng)
        name = self._name(role, first, last)
        customer = Customer(
            self._writer.next_id("kh__Kontrahent"), role, self._symbol(name), name, self._nip(role)
        )
        customer.form = rng.choice(self._dictionaries.forms)
        customer.level = 1 if customer.is_person else rng.choice((1, 2, 2, 2, 3, 4, 7))
        self._addresses(customer, self._typed(customer, index), index)
        row = self._row(customer, index)
        if role in {"consumer", "one_off", "retail", "sole_trader"}:
            row |= {"kh_Imie": first, "kh_Nazwisko": last}
        if role == "consumer":
            row |= {"kh_PESEL": invented.pesel(rng)}
        self._writer.add("kh__Kontrahent", row | self._links(customer))
        if rng.random() < 0.3 and role in {"company", "public", "german"}:
            self._person(customer)
        return customer

    def _links(self, customer: Customer) -> dict[str, object]:
        """A school buys through its *gmina*: the gmina is on the invoice as buyer, the school as recipient."""
        if customer.role == "public":
            self._public = customer
        if customer.role == "school" and self._public:
            self._public.recipients.append(customer)
            return {"kh_IdNabywca": self._public.id}
        return {}

    def _name(self, role: str, first: str, last: str) -> str:
        rng = self._rng
        match role:
            case "consumer" | "one_off" | "retail":
                return f"{first} {last}"
            case "sole_trader":
                return f"{rng.choice(_BUSINESSES)} {first} {last}"
            case "public":
                return f"Gmina {self._names.place(rng).town}"
            case "school":
                return f"Szkoła Podstawowa nr {rng.randrange(1, 40)} im. {first} {last}"
            case "german":
                return f"{rng.choice(('Brücke', 'Müller', 'Groß', 'Jäger'))} Handels GmbH"
            case "czech":
                return f"{rng.choice(('Novák', 'Dvořák', 'Růžička'))} s.r.o."
            case "abroad":
                return f"Bridge & {rng.choice(('Sons', 'Partners', 'Daughters'))} Ltd"
        return f"{rng.choice(_BUSINESSES)} „{last}” {rng.choice(_LEGAL_FORMS)}"

    def _nip(self, role: str) -> str:
        match role:
            case "consumer" | "one_off" | "retail" | "school" | "abroad":
                return ""
            case "german":
                return invented.german_vat(self._rng)
            case "czech":
                return invented.czech_vat(self._rng)
            case "branch" if self._company_nip:
                # Two cards with one tax number happen: headquarters and branch.
                return self._company_nip
        self._company_nip = invented.nip(self._rng)
        return self._company_nip

    def _typed(self, customer: Customer, index: int) -> str:
        if customer.role in {"german", "czech"} or not customer.nip:
            return customer.nip
        return invented.nip_as_typed(customer.nip, index)

    def _symbol(self, name: str) -> str:
        """The program appends (n) when a symbol is taken."""
        symbol = re.sub(r"\W", "", name).upper()[:14]
        taken = self._symbols[symbol] = self._symbols.get(symbol, 0) + 1
        return symbol if taken == 1 else f"{symbol}({taken})"

    def _row(self, customer: Customer, index: int) -> dict[str, object]:
        rng, role = self._rng, customer.role
        added = self._start + timedelta(days=rng.randrange(700))
        changed = added + timedelta(days=rng.randrange((self._dictionaries.today - added).days + 1))
        limited = role == "company" and rng.random() < 0.5
        business = not customer.is_person
        return {
            "kh_Id": customer.id,
            "kh_Symbol": customer.symbol,
            "kh_Rodzaj": 1 if role == "supplier" and index % 2 else 0,
            "kh_REGON": invented.regon(rng) if customer.nip.isdigit() else "",
            "kh_KRS": invented.krs(rng) if role == "company" else None,
            "kh_PESEL": "",
            "kh_Imie": "",
            "kh_Nazwisko": "",
            "kh_EMail": f"biuro{customer.id}@firma{customer.id % 97}.example" if business else "",
            "kh_WWW": f"www.firma{customer.id}.example" if role == "company" else "",
            "kh_IdGrupa": self._dictionaries.customer_groups[customer.id % 4],
            "kh_IdFormaP": customer.form.id or None,
            "kh_PlatOdroczone": int(business),
            "kh_Cena": customer.level,
            "kh_IdRabat": self._dictionaries.discount if customer.id % 9 == 0 else None,
            "kh_MaxDokKred": 5 if limited else 0,
            "kh_MaxWartDokKred": 20000.0 if limited else 0,
            "kh_MaxWartKred": money(rng.randrange(5, 200) * 100_000) if limited else 0,
            "kh_MaxDniSp": 14 if limited else 0,
            "kh_OdbDet": int(customer.is_person),
            "kh_Osoba": int(customer.is_person or role == "sole_trader"),
            "kh_Jednorazowy": int(role == "one_off"),
            "kh_Zablokowany": int(role == "blocked"),
            "kh_Potencjalny": int(role == "prospect"),
            "kh_CzynnyPodatnikVAT": int(business and role not in {"school", "abroad"}),
            "kh_PodVATZarejestrowanyWUE": int(role in {"german", "czech"}),
            "kh_DomyslnaWaluta": "EUR" if role in {"german", "czech"} else "PLN",
            "kh_DomyslnyTypCeny": int(business),
            "kh_IdOpiekun": rng.choice(self._dictionaries.users) if business else None,
            "kh_IdNabywca": None,
            "kh_AdresKoresp": int(index % 10 == 3),
            "kh_AdresDostawy": int(index % 10 == 4),
            "kh_Uwagi": "Dostawa tylko do 14:00, dzwonić wcześniej" if index % 13 == 5 else "",
            "kh_Pole1": f"Trasa {index % 7}" if index % 5 == 0 else "",
            "kh_DataDodania": day_text(added),
            "kh_DataZmiany": day_text(changed),
            "kh_CentrumAut": 0,
            "kh_InstKredytowa": 0,
            "kh_ProcGotowka": 100,
        }

    def _addresses(self, customer: Customer, typed_nip: str, index: int) -> None:
        place = self._names.place(self._rng)
        customer.address = self._address(customer, 1, place, typed_nip, self._start)
        if index % 7 == 6 and customer.role == "company":
            self._move(customer, typed_nip)
        # The rows of types 2 and 11 may stay behind when they are switched off.
        if index % 10 in {3, 7}:
            self._address(customer, 2, self._names.place(self._rng), typed_nip, self._start)
        if index % 10 in {4, 8}:
            place = self._names.place(self._rng)
            address = self._address(customer, 11, place, typed_nip, self._start)
            self._deliveries(customer, address, place)

    def _address(self, customer: Customer, kind: int, place: Place, nip: str, day: date) -> int:
        number = self._writer.next_id("adr__Ewid")
        fields = self._fields(customer, place, nip)
        row: dict[str, object] = {f"adr_{name}": value for name, value in fields.items()}
        row |= {"adr_Id": number, "adr_IdObiektu": customer.id, "adr_TypAdresu": kind}
        row |= {"adr_DataZmiany": day_text(day), "adr_GLN": None}
        if kind == 1 and customer.role == "company" and customer.id % 6 == 0:
            row["adr_GLN"] = invented.ean13(700_000_000 + customer.id)
        self._writer.add("adr__Ewid", row)
        version = self._freeze(number, fields, day)
        if kind == 1:
            customer.versions.append((day, version))
            self._contacts(customer, number)
        return number

    def _fields(self, customer: Customer, place: Place, nip: str) -> dict[str, object]:
        code = {"german": "DE", "czech": "CZ", "abroad": "GB"}.get(customer.role, "PL")
        return {
            "Nazwa": customer.name[:50],
            "NazwaPelna": customer.name,
            "NIP": nip,
            "Ulica": place.street,
            "NrDomu": place.house,
            "NrLokalu": place.flat,
            "Kod": place.post_code,
            "Miejscowosc": place.town,
            "Poczta": place.town,
            "Telefon": f"{customer.id % 90 + 10} {customer.id * 7919 % 10**7:07d}",
            "IdWojewodztwo": customer.id % 16 + 1 if code == "PL" else None,
            "IdPanstwo": self._dictionaries.countries[code],
        }

    def _freeze(self, address: int, fields: dict[str, object], day: date) -> int:
        version = self._writer.next_id("adr_Historia")
        row = {f"adrh_{name}": value for name, value in fields.items()}
        street, house, flat = fields["Ulica"], fields["NrDomu"], fields["NrLokalu"]
        row |= {"adrh_Adres": f"{street} {house}/{flat}" if flat else f"{street} {house}"}
        row |= {"adrh_Id": version, "adrh_IdAdresu": address, "adrh_DataZmiany": day_text(day)}
        self._writer.add("adr_Historia", row)
        return version

    def _move(self, customer: Customer, typed_nip: str) -> None:
        """The company had another seat until a year ago: older documents keep that one."""
        day = self._dictionaries.today - timedelta(days=365)
        fields = self._fields(customer, self._names.place(self._rng), typed_nip)
        former = self._freeze(customer.address, fields, self._start)
        customer.versions = [(self._start, former), (day, customer.versions[0][1])]

    def _deliveries(self, customer: Customer, address: int, place: Place) -> None:
        for name in ("Magazyn", "Plac budowy")[: 1 + customer.id % 2]:
            fields = self._fields(customer, place, "") | {"Nazwa": f"{name} {customer.symbol}"}
            version = self._freeze(address, fields, self._start)
            customer.delivery_version = version
            row = {"adk_IdKhnt": customer.id, "adk_IdAdresuHist": version}
            self._writer.add("kh_AdresyDostawy", row)

    def _contacts(self, customer: Customer, address: int) -> None:
        for kind, main in ((3, 1), (1, 0)):
            row = {"tel_Id": self._writer.next_id("tel__Ewid"), "tel_IdAdresu": address}
            number = f"+48 {500 + customer.id % 400} {customer.id * 31 % 1000:03d} {kind:03d}"
            self._writer.add(
                "tel__Ewid",
                row | {"tel_Numer": number, "tel_Rodzaj": kind, "tel_Podstawowy": main},
            )
        for box in ("biuro", "faktury")[: 1 if customer.is_person else 2]:
            mail: dict[str, object] = {
                "am_Id": self._writer.next_id("adr_Email"),
                "am_IdAdres": address,
            }
            mail |= {"am_Email": f"{box}{customer.id}@firma{customer.id % 97}.example"}
            flags: dict[str, object] = {
                "am_Podstawowy": int(box == "biuro"),
                "am_DoWysylkiDokumentow": 0,
            }
            if box == "faktury":
                flags["am_DoWysylkiDokumentow"] = 1
            self._writer.add("adr_Email", mail | flags | {"am_Rodzaj": 1})

    def _person(self, customer: Customer) -> None:
        first, last = self._names.person(self._rng)
        number = self._writer.next_id("kh_Pracownik")
        row: Row = {
            "pk_Id": number,
            "pk_IdKh": customer.id,
            "pk_Imie": first,
            "pk_Nazwisko": last,
            "pk_EMail": f"osoba{number}@firma{customer.id % 97}.example",
            "pk_Telefon": f"22 {number:07d}",
            "pk_Podstaw": 1,
            "pk_Stanowisko": self._rng.choice(("Zakupy", "Księgowość", "Właściciel")),
        }
        self._writer.add("kh_Pracownik", row)
        # Ids of contractors and of their staff overlap: only the type tells whose address it is.
        fields = self._fields(customer, self._names.place(self._rng), "")
        address = {f"adr_{name}": value for name, value in fields.items()}
        address |= {"adr_Nazwa": f"{first} {last}", "adr_NazwaPelna": f"{first} {last}"}
        address |= {"adr_DataZmiany": day_text(self._start), "adr_GLN": None}
        keys = {"adr_IdObiektu": number, "adr_TypAdresu": 12}
        self._writer.add(
            "adr__Ewid", address | {"adr_Id": self._writer.next_id("adr__Ewid")} | keys
        )
