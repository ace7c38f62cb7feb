"""Rows that share ids with what is told, or are void: none of them may change what is read."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal

from mostek.plugin.testing import cloned, listed, read, told_otherwise

from .conftest import Frozen

_NEVER = "'1900-01-01 00:00:00'"
_PURCHASE = "(SELECT MIN(ID) FROM dbo.DokHandlowe WHERE Kategoria = 4)"
_PLAIN = (
    "(SELECT MIN(d.ID) FROM dbo.DokHandlowe d WHERE d.Kategoria = 2 AND d.Stan = 1 AND d.Definicja = {invoice}"
    " AND NOT EXISTS (SELECT 1 FROM dbo.RelacjeHandlowe w WHERE d.ID IN (w.Nadrzedny, w.Podrzedny)))"
).format(invoice="(SELECT ID FROM dbo.DefDokHandlowych WHERE Symbol = 'FV')")
_RECEIPT = (
    "(SELECT MAX(d.ID) FROM dbo.DokHandlowe d JOIN dbo.DefDokHandlowych f ON f.ID = d.Definicja"
    " WHERE f.Symbol = 'PAR')"
)
_CORRECTION = (
    "(SELECT MIN(ID) FROM dbo.DokHandlowe WHERE Kategoria = 3"
    " AND ID IN (SELECT Podrzedny FROM dbo.RelacjeHandlowe))"
)
_OPEN = "r.Typ = 10 AND r.PodmiotType = 'Kontrahenci' AND r.KwotaRozliczonaValue = 0"
_OPEN_ORDER = (
    "Dokument = (SELECT MIN(d.ID) FROM dbo.DokHandlowe d WHERE d.Kategoria = 302 AND d.Stan = 1 AND NOT EXISTS ("
    "SELECT 1 FROM dbo.PozycjeDokHan p WHERE p.Dokument = d.ID"
    " AND (p.IloscZrealizowanaValue > 0 OR p.IloscRezerwowanaValue > 0)))"
)
_DONE_ORDER = (
    "Dokument = (SELECT MIN(d.ID) FROM dbo.DokHandlowe d WHERE d.Kategoria = 302 AND d.Stan = 1 AND NOT EXISTS ("
    "SELECT 1 FROM dbo.PozycjeDokHan p WHERE p.Dokument = d.ID AND p.IloscZrealizowanaValue < p.IloscValue))"
)


def _settled(number: int, document: str, kind: int, of: str = "DokHandlowe") -> list[str]:
    """A payment of a document, and its entry among the settlements of the kind."""
    some = "Podmiot = (SELECT MIN(ID) + 3 FROM dbo.Kontrahenci) OR 1 = 1"
    payment = cloned(
        "dbo.Platnosci",
        f"DokumentType = 'DokHandlowe' AND Bufor = 0 AND Rozliczana = 1 AND ({some})",
        ID=number,
        Dokument=document,
        DokumentType=f"'{of}'",
        Kierunek=2 if kind == 11 else 1,
    )
    entry = cloned(
        "dbo.RozrachunkiIdx",
        _OPEN.replace("r.", ""),
        ID=number,
        Dokument=number,
        DokumentType="'Platnosci'",
        Typ=kind,
    )
    return [*payment, *entry]


#: In their order: what is owed to suppliers, by them for a correction, and by the ledger; money from employees; links
#: that make no invoice of a receipt and no correction; lines of orders that were cancelled; a payment for a document of
#: the ledger that has an invoice's id; bar codes twice and none; an older address of another kind.
DECOYS = [
    *_settled(900001, _PURCHASE, 11),
    *cloned("dbo.DokHandlowe", f"ID = {_PURCHASE}", ID=900002, Kategoria=5, Guid="'decoy'"),
    *_settled(900002, "900002", 10),
    *_settled(900005, _PLAIN, 11, "DokInne"),
    *cloned("dbo.RozrachunkiIdx", "Typ = 20", ID=900004, PodmiotType="'Pracownicy'"),
    *cloned(
        "dbo.RelacjeHandlowe", "1 = 1", ID=900001, Nadrzedny=_RECEIPT, Podrzedny=_PLAIN, Typ=11
    ),
    *cloned(
        "dbo.RelacjeHandlowe", "1 = 1", ID=900002, Nadrzedny=_PLAIN, Podrzedny=_RECEIPT, Typ=11
    ),
    *cloned(
        "dbo.RelacjeHandlowe", "1 = 1", ID=900003, Nadrzedny=_PLAIN, Podrzedny=_CORRECTION, Typ=11
    ),
    *cloned(
        "dbo.PozycjeDokHan",
        _OPEN_ORDER,
        ID=900001,
        Ident=99,
        StatusPozycji=1,
        IloscZrealizowanaValue=1,
        IloscRezerwowanaValue=1,
    ),
    *cloned(
        "dbo.PozycjeDokHan",
        _DONE_ORDER,
        ID=900002,
        Ident=99,
        StatusPozycji=1,
        IloscZrealizowanaValue=0,
    ),
    *cloned(
        "dbo.Platnosci",
        "DokumentType = 'DokHandlowe' AND Bufor = 0 AND Rozliczana = 1 AND KwotaRozliczonaValue > 0"
        " AND Podmiot = (SELECT d.Kontrahent FROM dbo.DokHandlowe d WHERE d.ID = Dokument AND d.Kategoria = 2)",
        ID=900003,
        DokumentType="'DokInne'",
        KwotaRozliczonaValue=1,
    ),
    *cloned(
        "dbo.KodyKreskowe",
        "ZapisType = 'Towary'",
        ID=900001,
        Zapis="(SELECT MIN(ID) FROM dbo.Towary WHERE EAN > '')",
        Kod="(SELECT EAN FROM dbo.Towary WHERE EAN > '' ORDER BY ID LIMIT 1)",
    ),
    *cloned("dbo.KodyKreskowe", "ZapisType = 'Towary'", ID=900002, Kod="''"),
    *cloned(
        "dbo.Adresy",
        "HostType = 'Kontrahenci' AND Typ = 1",
        ID=-5,
        Typ=5,
        AdresMiejscowosc="'Nigdzie'",
    ),
]


def test_rows_that_are_not_meant_change_nothing(
    enova: Frozen, changed: Callable[..., Frozen]
) -> None:
    assert told_otherwise(changed(*DECOYS), enova) == []


def test_a_debt_without_a_due_date_is_owed_and_never_overdue(
    enova: Frozen, changed: Callable[..., Frozen]
) -> None:
    plugin = changed(
        f"UPDATE dbo.RozrachunkiIdx SET Termin = {_NEVER}",
        f"UPDATE dbo.Platnosci SET Termin = {_NEVER}",
    )
    debts = listed(plugin, "ListReceivables")
    assert [r.remaining for r in debts] == [r.remaining for r in listed(enova, "ListReceivables")]
    assert not any(r.days_overdue or r.HasField("due_date") for r in debts)
    assert not listed(plugin, "ListReceivables", only_overdue=True)
    assert not any(i.HasField("due_date") for i in listed(plugin, "ListInvoices"))
    owing = {r.payer.id for r in debts if r.payer.id}
    for customer in sorted(owing)[:20]:
        entries = read(plugin, "GetCustomerBalance", id=customer).customer_balance.balances
        before = read(enova, "GetCustomerBalance", id=customer).customer_balance.balances
        assert [e.owed for e in entries] == [e.owed for e in before]
        late = (
            *("overdue", "overdue_1_to_30", "overdue_31_to_60", "overdue_61_to_90"),
            "overdue_over_90",
        )
        assert not any(Decimal(getattr(e, name)) for e in entries for name in late)
        assert not any(e.HasField("oldest_due_date") for e in entries)


def test_what_was_given_back_for_a_correction_is_paid_below_zero(
    enova: Frozen, changed: Callable[..., Frozen]
) -> None:
    plugin = changed(
        "UPDATE dbo.Platnosci SET KwotaRozliczonaValue = 1 WHERE Kierunek = 2 AND KwotaRozliczonaValue = 0"
    )
    before = {i.id: i for i in listed(enova, "ListInvoices") if Decimal(i.remaining) < 0}
    after = {i.id: i for i in listed(plugin, "ListInvoices") if i.id in before}
    given = [
        one for one in after.values() if Decimal(one.paid or 0) != Decimal(before[one.id].paid or 0)
    ]
    assert given
    for one in given:
        assert Decimal(one.paid) - Decimal(before[one.id].paid or 0) == -1
        assert Decimal(one.remaining) - Decimal(before[one.id].remaining) == 1
