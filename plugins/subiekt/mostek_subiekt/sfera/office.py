"""Sfera GT in the worker process: how the program is started, and how an order and a customer are made with it.

The order of the calls is the one that is known to work. Members are those of the type library; `sandbox.double`
knows which there are.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from datetime import date
from decimal import Decimal
from typing import Any

from mostek.plugin.worker.com import Com
from mostek.plugin.worker.inside import Fault, Office
from mostek_subiekt.sfera.com import faults, opening

__all__ = ["Sfera"]

_SUBIEKT = 1
_WINDOWS, _MIXED = 1, 0
_GROSZ = Decimal("0.01")


class Sfera(Office):
    """`settings`: `server`, `database`, `operator`, `password`, `login` ([user, password] or None), `encrypt`,
    `match`, `launch`; on a sandbox also `sandbox`, its file."""

    _com: Any = None
    _subiekt: Any = None

    def com(self) -> Any:
        """COM, or what stands in for it on a sandbox."""
        if "sandbox" in self.settings:
            from mostek_subiekt.sfera.sandbox.double import DoubleCom

            return DoubleCom(self.settings["sandbox"])
        return Com("Sfera")

    # Starting and ending

    def open(self) -> None:
        self._com = self.com()
        with opening(self._com):
            gt = self._com.dispatch("InsERT.GT")
            self._log_in(gt)
            self._subiekt = gt.Uruchom(self.settings["match"], self.settings["launch"])
            self.tell([int(self._subiekt.IdentyfikatorProcesu)])

    def _log_in(self, gt: Any) -> None:
        settings, login = self.settings, self.settings["login"]
        gt.Produkt = _SUBIEKT
        gt.Serwer = settings["server"]
        gt.Baza = settings["database"]
        gt.Autentykacja = _MIXED if login else _WINDOWS
        if login:
            gt.Uzytkownik = login[0]
            gt.UzytkownikHaslo = self._password(login[1])
        gt.Operator = settings["operator"]
        gt.OperatorHaslo = self._password(settings["password"])

    def _password(self, password: str) -> str:
        if not self.settings["encrypt"]:
            return password
        return str(self._com.dispatch("InsERT.Dodatki").Szyfruj(password))

    def close(self) -> None:
        subiekt, self._subiekt = self._subiekt, None
        if subiekt is not None:
            with suppress(self._com.error):
                subiekt.Zakoncz()

    def pump(self) -> None:
        self._com.pump()

    # What is asked

    def add_order(
        self,
        *,
        warehouse: int,
        header: Mapping[str, Any],
        lines: list[Mapping[str, Any]],
        payment: Mapping[str, Any] | None,
        total: Mapping[str, str] | None,
    ) -> dict[str, Any]:
        """Make an order (ZK). Amounts are text, days `YYYY-MM-DD`.

        `total`: what it must come to gross (`expected`, `tolerance`), else it is refused before it is saved.
        """
        with faults(self._com, "order"):
            # The warehouse is the session's: a document has none of its own.
            self._subiekt.MagazynId = warehouse
            document = self._subiekt.SuDokumentyManager.DodajZK()
        with self._closing(document):
            with faults(self._com, "order"):
                self._fill(document, header)
                for line in lines:
                    self._add_line(document, line)
                self._fill_rest(document, header)
                document.Przelicz()
            _check_total(document, total)
            with faults(self._com, "order"):
                self._pay(document, payment)
                document.Zapisz()
                return {"id": int(document.Identyfikator), "number": str(document.NumerPelny)}

    def add_customer(self, *, members: Mapping[str, Any], phone: str) -> dict[str, Any]:
        """Make a customer. `members`: by the names that `Kontrahent` has, in the order in which they are set."""
        with faults(self._com, "customer"):
            customer = self._subiekt.KontrahenciManager.DodajKontrahenta()
        with self._closing(customer), faults(self._com, "customer"):
            # That nobody has its tax id was looked up; a dialog about it would wait for ever.
            customer.PowielNIPBezUI = True
            customer.PowielPESELBezUI = True
            for name, value in members.items():
                setattr(customer, name, value)
            if phone:
                customer.Telefony.Dodaj(phone)
            customer.Zapisz()
            return {"id": int(customer.Identyfikator)}

    # An order

    def _fill(self, document: Any, header: Mapping[str, Any]) -> None:
        document.KontrahentId = header["buyer"]
        if header["recipient"] != header["buyer"]:
            document.OdbiorcaId = header["recipient"]
        if header["from_net"]:
            document.LiczonyOdCenNetto = True
        else:
            document.LiczonyOdCenBrutto = True
        document.WalutaSymbol = "PLN"
        if header["price_list"]:
            document.PoziomCenyId = header["price_list"]
        # Said always: else the program may ask in a dialog.
        document.Rezerwacja = header["reserve"]
        document.DataWystawienia = self._day(header["date"])

    def _fill_rest(self, document: Any, header: Mapping[str, Any]) -> None:
        document.NumerOryginalny = header["external_number"]
        document.Uwagi, document.UwagiExt = header["remarks"]
        if header["delivery_date"]:
            document.TerminRealizacji = self._day(header["delivery_date"])

    def _add_line(self, document: Any, line: Mapping[str, Any]) -> None:
        # By number: text that looks like one would be taken for an id.
        position = document.Pozycje.Dodaj(line["product"])
        position.Jm = line["unit"]
        position.IloscJm = float(line["quantity"])
        if line["vat"]:
            position.VatId = line["vat"]
        for name, value in line["values"].items():
            setattr(position, name, float(value))
        if line["remark"]:
            position.Opis = line["remark"]

    def _pay(self, document: Any, payment: Mapping[str, Any] | None) -> None:
        if payment:
            document.PlatnoscKredytId = payment["method"]
            document.PlatnoscKredytTermin = self._day(payment["due"])
            document.PlatnoscKredytKwota = document.KwotaDoZaplaty

    def _day(self, text: str) -> Any:
        return self._com.day(date.fromisoformat(text))

    @contextmanager
    def _closing(self, record: Any) -> Iterator[None]:
        """A record that is not closed stays locked; a session that can't close one is spoilt."""
        try:
            yield
        finally:
            with faults(self._com, "record"):
                record.Zamknij()


def _check_total(document: Any, total: Mapping[str, str] | None) -> None:
    if total is None:
        return
    gross = Decimal(str(document.WartoscBrutto)).quantize(_GROSZ)
    if abs(gross - Decimal(total["expected"])) > Decimal(total["tolerance"]):
        raise Fault(
            "refused",
            f"Subiekt GT counts {gross} gross for the order, which differs from the expected total by more than"
            f" {Decimal(total['tolerance']):.2f}.",
        )
