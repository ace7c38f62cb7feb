"""Optima's objects in the worker process: how they are logged in, and how an order and a customer are made with them.

Members are those that public programs and the vendor's sample use; `sandbox.double` knows which there are.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from contextlib import suppress
from datetime import date
from typing import Any

from mostek.plugin.worker.com import Com
from mostek.plugin.worker.inside import Office
from mostek_optima.com.errors import faults, opening

__all__ = ["ComOffice"]

_ORDER, _KIND = 308, 308000
#: `UstawNIP`: its third argument is 1 in all that is known.
_NIP = 1


class ComOffice(Office):
    """`settings`: `operator`, `password`, `company`, `folder`, `configuration`, `lock` ([flags, timeout]), `modules`;
    on a sandbox also `sandbox`, its file."""

    _com: Any = None
    _application: Any = None
    _login: Any = None

    def com(self) -> Any:
        """COM, or what stands in for it on a sandbox."""
        if "sandbox" in self.settings:
            from mostek_optima.com.sandbox.double import DoubleCom

            return DoubleCom(self.settings["sandbox"], self.settings["folder"])
        return Com("Optima")

    # Logging in and out

    def open(self) -> None:
        self._com = self.com()
        with opening(self._com):
            self._in_its_folder()
            self._application = self._com.dispatch("CDNBase.Application")
            try:
                self._login = self._logged_in(self._application)
            except self._com.error:
                self.close()
                raise

    def _in_its_folder(self) -> None:
        """The objects work in their own folder only; some program may have changed it meanwhile."""
        with suppress(OSError):
            os.chdir(self.settings["folder"])

    def _logged_in(self, application: Any) -> Any:
        settings = self.settings
        if settings["configuration"]:
            application.KonfigConnectStr = settings["configuration"]
        application.LockApp(*settings["lock"], None, None, None, None)
        modules = [None] * settings["modules"]
        return application.Login(
            settings["operator"], settings["password"], settings["company"], *modules
        )

    def close(self) -> None:
        application, self._application, self._login = self._application, None, None
        if application is not None:
            # Without it the licences stay taken.
            with suppress(self._com.error):
                application.UnlockApp()

    def pump(self) -> None:
        self._com.pump()

    # What is asked

    def add_order(
        self,
        *,
        header: Mapping[str, Any],
        lines: list[Mapping[str, Any]],
        attributes: Mapping[str, str],
    ) -> dict[str, Any]:
        """Make an order (RO). Amounts are text, days `YYYY-MM-DD`."""
        self._in_its_folder()
        with faults(self._com, "order"):
            # One of its own: nothing is left in it of a call that failed.
            session = self._login.CreateSession()
            order = session.CreateObject("CDN.DokumentyHaMag", None).AddNew(None)
            self._fill(session, order, header)
            for line in lines:
                self._add_line(order, line)
            for code, value in attributes.items():
                attribute = order.Atrybuty.AddNew(None)
                attribute.Kod = code
                attribute.Wartosc = value
            session.Save()
            return {"id": int(order.ID), "number": str(order.NumerPelny)}

    def add_customer(
        self, *, members: Mapping[str, str], address: Mapping[str, str], tax_id: list[str]
    ) -> dict[str, Any]:
        """Make a contractor. `members` and `address`: by the names that it and its `Adres` have; `tax_id`: country
        and number, or nothing."""
        self._in_its_folder()
        with faults(self._com, "customer"):
            session = self._login.CreateSession()
            customer = session.CreateObject("CDN.Kontrahenci", None).AddNew(None)
            for name, value in members.items():
                setattr(customer, name, value)
            for name, value in address.items():
                setattr(customer.Adres, name, value)
            if tax_id:
                customer.NumerNIP.UstawNIP(*tax_id, _NIP)
            session.Save()
            return {"id": int(customer.ID)}

    # An order

    def _fill(self, session: Any, order: Any, header: Mapping[str, Any]) -> None:
        order.Rodzaj = _KIND
        order.TypDokumentu = _ORDER
        order.Bufor = 0 if header["approve"] else 1
        day = self._day(header["date"])
        order.DataDok = day
        order.DataWys = day
        if header["series"]:
            order.Numerator.DefinicjaDokumentu = _found(
                session, "DefinicjeDokumentow", f"DDf_Symbol={_quoted(header['series'])}"
            )
        if header["register"]:
            order.Numerator.Rejestr = header["register"]
        order.Podmiot = _found(session, "Kontrahenci", f"Knt_KntId={header['buyer']:d}")
        if header["recipient"] != header["buyer"]:
            recipient = f"Knt_KntId={header['recipient']:d}"
            order.Odbiorca = _found(session, "Kontrahenci", recipient)
        if header["payment"]:
            payment = f"FPl_FPlId={header['payment']:d}"
            order.FormaPlatnosci = _found(session, "FormyPlatnosci", payment)
        order.MagazynZrodlowyID = header["warehouse"]
        order.TypNB = 1 if header["from_net"] else 2
        order.NumerObcy = header["external_number"]
        order.Uwagi = header["remarks"]
        if header["delivery_date"]:
            order.DataTransportu = self._day(header["delivery_date"])

    def _add_line(self, order: Any, line: Mapping[str, Any]) -> None:
        element = order.Elementy.AddNew(None)
        element.TowarID = line["product"]
        element.Ilosc = float(line["quantity"])
        if line["percent"]:
            element.Stawka = float(line["percent"])
        for name, value in line["values"].items():
            setattr(element, name, float(value))
        if line["remark"]:
            element.TowarOpis = line["remark"]

    def _day(self, text: str) -> Any:
        return self._com.day(date.fromisoformat(text))


def _found(session: Any, collection: str, condition: str) -> Any:
    """The one element of a collection for which the condition holds; the program raises if there is none."""
    return session.CreateObject(f"CDN.{collection}", None).Item(condition)


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"
