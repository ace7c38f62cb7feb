"""enova365's business objects in the worker process: how the program is logged into, and how an order and a contractor
are made with it.

The order of the calls is the one that the vendor documents: a row is added, then the definition is set before all else;
on a line the product is, for it brings unit, rate, price and discount. Members are those of the vendor's public
documentation; `sandbox.objects` knows which there are.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import date
from decimal import Decimal
from typing import Any

from mostek.plugin.worker.inside import Fault, Office
from mostek_enova.net import faults, load, opening

__all__ = ["Enova"]

_GROSZ = Decimal("0.01")
_NAME = "Mostek"


class Enova(Office):
    """One operator in one database of the program's list.

    `settings`: `folder`, `runtime`, `runtime_config`, `database`, `operator`, `password`; on a sandbox its path.
    """

    _net: Any = None
    _login: Any = None

    def net(self) -> Any:
        """The program's classes: its own, or on a sandbox their doubles."""
        if self.settings["sandbox"]:
            from mostek_enova.sandbox.objects import Objects

            return Objects(self.settings["sandbox"])
        return load(self.settings)

    def open(self) -> None:
        with opening():
            # An assembly is loaded once in a process.
            self._net = self._net or self.net()
            database = self._net.BusApplication.Instance[self.settings["database"]]
            if database is None:
                raise Fault(
                    "unavailable",
                    "enova365 has no such database in its list: correct `database` in [companies.<name>.orders], or"
                    " register it for the account that the connector runs under.",
                )
            self._login = database.Login(
                False, self.settings["operator"], self.settings["password"]
            )

    def close(self) -> None:
        login, self._login = self._login, None
        if login is not None:
            login.Dispose()

    # The calls

    def add_order(
        self,
        *,
        header: Mapping[str, Any],
        lines: Sequence[Mapping[str, Any]],
        total: Mapping[str, str] | None,
    ) -> dict[str, Any]:
        """Make an order: nothing is in the database before `Save`."""
        net = self._net
        with faults("order"), self._session() as session:
            with _editing(session) as transaction:
                document = net.DokumentHandlowy()
                session.AddRow(document)
                self._fill(session, document, header)
                for line in lines:
                    self._add_line(session, document, line)
                _check_total(net.exact(document.SumaPozycji.Brutto), total, len(lines))
                if header["approve"]:
                    document.Stan = net.StanDokumentuHandlowego.Zatwierdzony
                transaction.Commit()
            session.Save()
        return {}

    def add_customer(
        self,
        *,
        members: Mapping[str, Any],
        address: Mapping[str, str],
        correspondence: Mapping[str, str],
        email: str,
        payment_form: str,
    ) -> dict[str, Any]:
        """Make a contractor. `members`: in the order in which they are set; a pair is a value of an enumeration."""
        net = self._net
        with faults("customer"), self._session() as session:
            with _editing(session) as transaction:
                customer = net.Kontrahent()
                session.AddRow(customer)
                for name, value in members.items():
                    setattr(customer, name, self._value(value))
                if payment_form:
                    forms = net.KasaModule.GetInstance(session).FormyPlatnosci
                    customer.SposobZaplaty = _found(forms[net.Guid(payment_form)], "payment form")
                _set_all(customer.Adres, address)
                if correspondence:
                    _set_all(customer.AdresDoKorespondencji, correspondence)
                if email:
                    self._add_email(session, customer, email)
                transaction.Commit()
            session.Save()
        return {}

    # A session of the program's

    @contextmanager
    def _session(self) -> Iterator[Any]:
        session = self._login.CreateSession(False, False, _NAME)
        try:
            yield session
        finally:
            session.Dispose()

    # An order

    def _fill(self, session: Any, document: Any, header: Mapping[str, Any]) -> None:
        net = self._net
        trade = net.HandelModule.GetInstance(session)
        warehouses = net.MagazynyModule.GetInstance(session).Magazyny
        symbol = header["definition"]
        document.Definicja = _found(trade.DefDokHandlowych.WgSymbolu[symbol], "definition")
        document.Magazyn = _found(warehouses.WgSymbol[header["warehouse"]], "warehouse")
        document.Kontrahent = self._customer(session, header["buyer"])
        if header["recipient"]:
            document.Odbiorca = self._customer(session, header["recipient"])
        day = self._day(header["date"])
        document.Data = day
        document.DataOperacji = day
        sides = net.SposobLiczeniaVAT
        document.LiczonaOd = sides.OdNetto if header["from_net"] else sides.OdBrutto
        document.Obcy.Numer = header["external_number"]
        document.Obcy.DataOtrzymania = day
        if header["delivery_date"]:
            document.Dostawa.Termin = self._day(header["delivery_date"])
        if header["remarks"]:
            document.Opis = net.memo(header["remarks"])
        for name, value in header["features"].items():
            document.Features[name] = value

    def _customer(self, session: Any, code: str) -> Any:
        customers = self._net.CRMModule.GetInstance(session).Kontrahenci
        return _found(customers.WgKodu[code], "customer")

    def _add_line(self, session: Any, document: Any, line: Mapping[str, Any]) -> None:
        net = self._net
        position = net.PozycjaDokHandlowego(document)
        session.AddRow(position)
        products = net.TowaryModule.GetInstance(session).Towary
        position.Towar = _found(products.WgKodu[line["product"]], "product")
        _refuse_other("unit", position.Ilosc.Symbol, line["unit"])
        position.Ilosc = net.Quantity(float(line["quantity"]), position.Ilosc.Symbol)
        _refuse_other("currency", position.Cena.Symbol or "PLN", "PLN")
        if line["price"]:
            position.Cena = net.DoubleCy(net.decimal(line["price"]), position.Cena.Symbol)
        if line["discount"]:
            fraction = Decimal(line["discount"]) / 100
            position.Rabat = net.Percent(net.decimal(f"{fraction:f}"))

    # A contractor

    def _value(self, value: Any) -> Any:
        if isinstance(value, list | tuple):
            kind, name = value
            return getattr(getattr(self._net, kind), name)
        return value

    def _add_email(self, session: Any, customer: Any, email: str) -> None:
        net = self._net
        kinds = net.CoreModule.GetInstance(session).RodzajeKontaktow
        channel = net.DaneKontaktowe()
        channel.Host = customer
        session.AddRow(channel)
        channel.Rodzaj = _found(
            kinds[net.RodzajeKontaktow.AdresEmail], "kind of contact for e-mail"
        )
        channel.Kontakt = email
        channel.Domyslny = True

    def _day(self, text: str) -> Any:
        day = date.fromisoformat(text)
        return self._net.Date(day.year, day.month, day.day)


@contextmanager
def _editing(session: Any) -> Iterator[Any]:
    """A transaction in memory; without its Commit all is as it was."""
    transaction = session.Logout(True)
    try:
        yield transaction
    finally:
        transaction.Dispose()


def _set_all(target: Any, members: Mapping[str, Any]) -> None:
    for name, value in members.items():
        setattr(target, name, value)


def _found(row: Any, what: str) -> Any:
    """A row that was looked up, and that the database has."""
    if row is None:
        raise Fault(
            "refused", f"The operator of enova365 finds no such {what}: look at its rights."
        )
    return row


def _refuse_other(what: str, found: str, wanted: str) -> None:
    if found != wanted:
        raise Fault(
            "refused", f"enova365 takes another {what} for a product ({found}) than {wanted}."
        )


def _check_total(gross: Decimal, total: Mapping[str, str] | None, lines: int) -> None:
    """What the lines come to, which is all that can be told before it is saved: the program may round each."""
    if total is None:
        return
    gross = gross.quantize(_GROSZ)
    accepted = Decimal(total["tolerance"]) + _GROSZ * lines
    if abs(gross - Decimal(total["expected"])) > accepted:
        raise Fault(
            "refused",
            f"enova365 counts {gross} gross for the order, which differs from the expected total by more than"
            f" {Decimal(total['tolerance']):.2f}.",
        )
