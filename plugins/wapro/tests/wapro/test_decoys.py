"""Rows that share ids with what is told, or are void: none of them may change what is read."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal

from mostek.plugin.clarion import clarion
from mostek.plugin.testing import cloned, listed, read, told_otherwise

from .asking import balance
from .conftest import Frozen

_PURCHASE = (
    "(SELECT MIN(ID_DOKUMENTU_HANDLOWEGO) FROM dbo.DOKUMENT_HANDLOWY WHERE TYP_DOKUMENTU = 'z')"
)
_NEXT_ENTRY = "(SELECT MAX(ID_ROZRACHUNKU) + 1 FROM dbo.ROZRACHUNEK)"
_OPENING = (
    "CZY_BO = 1 AND ID_FIRMY = 3 AND ID_KONTRAHENTA IN (SELECT ID_KONTRAHENTA FROM dbo.KONTRAHENT"
    " WHERE LIMIT_KUPIECKI <> 0 AND Incydentalny = 0 AND ODBIORCA = 1)"
)
_ORDERED = "ID_POZ_ZAM > 0"
#: Each of them shares ids with what is told, or is void, unfinished, or of another company.
DECOYS = [
    *cloned("dbo.ROZRACHUNEK", _OPENING, ID_ROZRACHUNKU=_NEXT_ENTRY, ID_FIRMY=7),
    *cloned("dbo.ROZRACHUNEK", _OPENING, ID_ROZRACHUNKU=_NEXT_ENTRY, FLAGA_STANU=1),
    # What is owed to a supplier, and a correction of it.
    *cloned("dbo.ROZRACHUNEK", _OPENING, ID_ROZRACHUNKU=_NEXT_ENTRY, RODZAJ="'Z'"),
    *cloned(
        "dbo.ROZRACHUNEK",
        _OPENING,
        ID_ROZRACHUNKU=_NEXT_ENTRY,
        TYP_DOK="'h'",
        ID_NAG_DOK_M=_PURCHASE,
    ),
    # A payment that settles nothing yet.
    *cloned("dbo.ROZRACHUNEK", _OPENING, ID_ROZRACHUNKU=_NEXT_ENTRY, STRONA="'MA'", TYP_DOK="'k'"),
    # A document in the buffer that was made of an order.
    *cloned(
        "dbo.DOKUMENT_HANDLOWY",
        "TYP_DOKUMENTU = 's'",
        ID_DOKUMENTU_HANDLOWEGO=999999,
        NUMER="'BUF'",
        TRYBREJESTRACJI="'10'",
    ),
    *cloned(
        "dbo.POZYCJA_DOKUMENTU_MAGAZYNOWEGO",
        _ORDERED,
        ID_POZ_DOK_MAG=999999,
        ID_DOK_HANDLOWEGO=999999,
        GUID_POZ_DOK_MAG="'decoy'",
    ),
    # A lot of stock issues that was not invoiced.
    *cloned(
        "dbo.POZYCJA_DOKUMENTU_MAGAZYNOWEGO",
        _ORDERED,
        ID_POZ_DOK_MAG=999998,
        ID_DOK_HANDLOWEGO=0,
        ID_DOK_MAGAZYNOWEGO=0,
        GUID_POZ_DOK_MAG="'decoy 2'",
    ),
    # An address from next month on, of someone who ordered.
    *cloned(
        "dbo.ADRESY_KONTRAHENTA",
        "ID_KONTRAHENTA IN (SELECT ID_KONTRAHENTA FROM dbo.ZAMOWIENIE)",
        ID_ADRESY_KONTRAHENTA=999999,
        DATA_OD=clarion("2026-12-20"),
        NAZWA_PELNA="'Jutro'",
    ),
    *cloned(
        "dbo.KOD_KRESKOWY",
        "ID_MAGAZYNU = 1",
        ID_KODU_KRESKOWEGO=999999,
        ID_ARTYKULU="(SELECT MIN(ID_ARTYKULU) FROM dbo.ARTYKUL WHERE KOD_KRESKOWY > '' AND ID_MAGAZYNU = 1)",
        KOD_KRESKOWY="(SELECT KOD_KRESKOWY FROM dbo.ARTYKUL WHERE KOD_KRESKOWY > '' AND ID_MAGAZYNU = 1"
        " ORDER BY ID_ARTYKULU LIMIT 1)",
    ),
    # A payment method of the same name in the other company, and what is out of use.
    *cloned("dbo.FORMA_PLATNOSCI", "ID_FIRMY = 3", ID_FORMY=-5, ID_FIRMY=7),
    *cloned("dbo.FORMA_PLATNOSCI", "ID_FIRMY = 3", ID_FORMY=999, NAZWA="'weksel'", AKTYWNA="'0'"),
    *cloned("dbo.STAWKA_VAT", "KOD_VAT = '23'", KOD_VAT="'22'", STAWKA=22, AKTYWNY="'0'"),
]


def test_rows_that_are_not_meant_change_nothing(
    mag: Frozen, changed: Callable[..., Frozen]
) -> None:
    plugin = changed(*DECOYS)
    assert told_otherwise(plugin, mag) == []
    assert read(plugin, "DescribeErp") == read(mag, "DescribeErp")


def test_a_debt_of_the_ledger_with_the_id_of_a_purchase_is_a_debt(
    mag: Frozen, changed: Callable[..., Frozen]
) -> None:
    """The ids are of two programs: TYP_DOK tells whose."""
    ledger = cloned(
        "dbo.ROZRACHUNEK",
        _OPENING,
        ID_ROZRACHUNKU=_NEXT_ENTRY,
        CZY_BO=0,
        TYP_DOK="'F'",
        ID_NAG_DOK_M=_PURCHASE,
        NR_DOK="'NK 1'",
    )
    plugin = changed(*ledger)
    *same, new = listed(plugin, "ListReceivables")
    assert same == listed(mag, "ListReceivables")
    assert (new.document_number, new.invoice_id, new.remaining) == ("NK 1", "", "123.45")
    before, after = (balance(one, new.payer.id).balances for one in (mag, plugin))
    assert sum(Decimal(e.owed) for e in after) - sum(Decimal(e.owed) for e in before) == Decimal(
        new.remaining
    )
