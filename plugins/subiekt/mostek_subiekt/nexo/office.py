"""Sfera nexo in the worker process: how the program is logged into, and how an order is made with it.

Members are those that the vendor's samples, and projects that work with it, use; `sandbox.objects` knows which there
are. Nothing is in the database before `Zapisz`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from datetime import date
from decimal import Decimal
from typing import Any

from mostek.plugin.worker.inside import Fault, Office
from mostek_subiekt.nexo.net import faults, load, opening, refusal

__all__ = ["Nexo"]

_GROSZ = Decimal("0.01")


class Nexo(Office):
    """`settings`: `folder`, `runtime_config`, `server`, `database`, `operator`, `password`, `login` ([user, password]
    or None); on a sandbox also `sandbox`, its file."""

    _net: Any = None
    _handle: Any = None

    def net(self) -> Any:
        """The program's classes: its own, or on a sandbox their doubles."""
        if "sandbox" in self.settings:
            from mostek_subiekt.nexo.sandbox.objects import Objects

            return Objects(self.settings["sandbox"])
        return load(self.settings["folder"], self.settings["runtime_config"])

    def open(self) -> None:
        settings = self.settings
        with opening():
            # Libraries are loaded once in a process.
            self._net = self._net or self.net()
            net = self._net
            place = (settings["server"], settings["database"])
            login = settings["login"]
            data = (
                net.DanePolaczenia.Jawne(*place, False, *login)
                if login
                else net.DanePolaczenia.Jawne(*place, True)
            )
            manager = net.MenedzerPolaczen()
            # A dialog would wait for ever.
            manager.DostepDoUI = False
            self._handle = manager.Polacz(data, net.ProductId.Subiekt)
            if not self._handle.ZalogujOperatora(settings["operator"], settings["password"]):
                raise Fault(
                    "unavailable",
                    "Subiekt nexo does not let the operator in: correct operator and password in"
                    " [companies.<name>.orders].",
                )

    def close(self) -> None:
        handle, self._handle = self._handle, None
        if handle is not None:
            handle.Dispose()

    def add_order(
        self,
        *,
        header: Mapping[str, Any],
        lines: Sequence[Mapping[str, Any]],
        payment: int,
        total: Mapping[str, str] | None,
    ) -> dict[str, Any]:
        """Make an order (ZK). Amounts are text, days `YYYY-MM-DD`; `payment`: id of the payment method, or 0."""
        with faults("order"):
            document = self._service("IZamowieniaOdKlientow").UtworzZamowienieOdKlienta()
        with _disposing(document):
            with faults("order"):
                self._fill(document, header)
                for line in lines:
                    self._add_line(document, line, from_net=header["from_net"])
                document.Przelicz()
                self._check_total(document, total)
                if payment:
                    _pay(document, payment)
            if not document.Zapisz():
                raise refusal("order", _errors(document))
            number = document.Dane.NumerWewnetrzny.PelnaSygnatura
            return {"id": int(document.Dane.Id), "number": str(number)}

    def _service(self, name: str) -> Any:
        return self._handle.PodajObiektTypu[getattr(self._net, name)]()

    def _fill(self, document: Any, header: Mapping[str, Any]) -> None:
        parties, data = document.PodmiotyDokumentu, document.Dane
        parties.UstawZamawiajacegoWedlugSymbolu(header["buyer"])
        if header["recipient"]:
            parties.UstawOdbiorceWedlugSymbolu(header["recipient"])
        data.Magazyn = self._warehouse(header["warehouse"])
        if not header["from_net"]:
            data.OperacjePrzeliczaniaPozycji = self._net.OperacjePrzeliczaniaPozycji.Brutto_ID
        # The second is what the program's own lists show orders by.
        data.DataWprowadzenia = data.DataWydaniaWystawienia = self._day(header["date"])
        data.NumerZewnetrzny = header["external_number"]
        data.Uwagi = header["remarks"]
        if header["delivery_date"]:
            data.TerminRealizacji = self._day(header["delivery_date"])

    def _warehouse(self, wanted: int) -> Any:
        for warehouse in self._service("IMagazyny").Dane.Wszystkie():
            if warehouse.Id == wanted:
                return warehouse
        raise Fault("refused", "The operator of Subiekt nexo finds no such warehouse.")

    def _add_line(self, document: Any, line: Mapping[str, Any], *, from_net: bool) -> None:
        decimal = self._net.decimal
        product = self._service("IAsortymenty").Dane.WyszukajPoSymbolu(line["product"])
        if product is None:
            raise Fault("refused", "The operator of Subiekt nexo finds no such product.")
        quantity = decimal(line["quantity"])
        position = document.Pozycje.Dodaj(product, quantity, _unit(product, line["unit"]))
        if line["price"]:
            side = "NettoPrzedRabatem" if from_net else "BruttoPrzedRabatem"
            setattr(position.Cena, side, decimal(line["price"]))
        if line["discount"]:
            position.Cena.RabatProcent = decimal(line["discount"])
        if line["remark"]:
            position.Opis = line["remark"]

    def _check_total(self, document: Any, total: Mapping[str, str] | None) -> None:
        if total is None:
            return
        gross = self._net.exact(document.Dane.Wartosc.BruttoPoRabacie).quantize(_GROSZ)
        if abs(gross - Decimal(total["expected"])) > Decimal(total["tolerance"]):
            raise Fault(
                "refused",
                f"Subiekt nexo counts {gross} gross for the order, which differs from the expected total by more"
                f" than {Decimal(total['tolerance']):.2f}.",
            )

    def _day(self, text: str) -> Any:
        day = date.fromisoformat(text)
        return self._net.day(day.year, day.month, day.day)


def _unit(product: Any, wanted: str) -> Any:
    for unit in product.JednostkiMiar:
        if str(unit.JednostkaMiary.Symbol) == wanted:
            return unit
    raise Fault("refused", "Subiekt nexo has no such unit for a product.")


def _pay(document: Any, method: int) -> None:
    """By the id, for the object belongs to the document's own unit of work."""
    document.Dane.FormaPlatnosciId = method
    form = document.Dane.FormaPlatnosci
    if form is None:
        raise Fault("refused", "The operator of Subiekt nexo finds no such payment method.")
    document.Platnosci.DodajPlatnoscOdroczona(form, document.Dane.KwotaDoZaplaty)


def _errors(document: Any) -> str:
    """The program's own words: those of the document and of its parts."""
    found: list[str] = []
    # How the errors are kept differs between versions; without its words it is a refusal all the same.
    with suppress(Exception):
        for part in document.Bledy:
            found += [str(error) for error in part.Errors]
    return "; ".join(found)


@contextmanager
def _disposing(document: Any) -> Iterator[None]:
    """An object that is not disposed of stays locked."""
    try:
        yield
    finally:
        document.Dispose()
