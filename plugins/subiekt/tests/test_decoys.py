"""Rows that share ids with what is told, or are void: none of them may change what is read."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal

from mostek.plugin.testing import cloned, told, told_otherwise
from mostek_subiekt.gt import SubiektGt

_BUYER = (
    "(SELECT MIN(k.kh_Id) FROM dbo.kh__Kontrahent k JOIN dbo.nz__Finanse f ON f.nzf_IdObiektu = k.kh_Id"
    " WHERE k.kh_Jednorazowy = 0 AND k.kh_MaxWartKred <> 0 AND f.nzf_Typ = 39)"
)
_OWED = (
    f"nzf_Typ = 39 AND nzf_TypObiektu = 1 AND nzf_WartoscWaluta <> 0 AND nzf_IdObiektu = {_BUYER}"
)
_ORDER = (
    "(SELECT MIN(dok_DoDokId) FROM dbo.dok__Dokument WHERE dok_Typ = 2 AND dok_DoDokId IN"
    " (SELECT z.dok_Id FROM dbo.dok__Dokument z WHERE z.dok_Typ = 16))"
)
_RETAIL = "(SELECT MIN(dfd_IdFS) FROM dbo.dok_PowiazanieFsdPA WHERE dfd_Typ = 21)"
_OTHER_RECEIPT = (
    "(SELECT MAX(dok_Id) FROM dbo.dok__Dokument WHERE dok_Typ = 21 AND dok_Id NOT IN"
    " (SELECT dfd_IdPA FROM dbo.dok_PowiazanieFsdPA))"
)
_CODED = "(SELECT MIN(tw_Id) FROM dbo.tw__Towar WHERE tw_PodstKodKresk > '' AND tw_Usuniety = 0)"


def _entry(number: int, **changes: object) -> list[str]:
    return cloned("dbo.nz__Finanse", _OWED, nzf_Id=number, nzf_IdDokumentAuto="NULL", **changes)


def _cash(number: int, status: int) -> list[str]:
    """Cash that no debt is settled with."""
    nothing = {"nzf_SplataWaluta": 0, "nzf_Splata": 0}
    return _entry(number, nzf_Typ=17, nzf_Status=status, **nothing)


#: In their order: the debt of an employee with a customer's id; cash that is deferred, and cancelled; a cancelled
#: invoice of an order; a retail return beside the receipts of an invoice; a person who left; a bar code and a unit told
#: twice.
DECOYS = [
    *_entry(900001, nzf_TypObiektu=2),
    *_cash(900002, 0),
    *_cash(900003, 2),
    *cloned(
        "dbo.dok__Dokument",
        f"dok_DoDokId = {_ORDER} AND dok_Typ = 2",
        dok_Id=900001,
        dok_Status=2,
        dok_NrPelny="'X 1'",
    ),
    *cloned(
        "dbo.dok_PowiazanieFsdPA",
        f"dfd_IdFS = {_RETAIL}",
        dfd_IdPA=_OTHER_RECEIPT,
        dfd_Typ=14,
    ),
    *cloned("dbo.kh_Pracownik", "pk_Zablokowany = 0", pk_Id=900001, pk_Zablokowany=1),
    *cloned(
        "dbo.tw_KodKreskowy",
        "1 = 1",
        kk_Id=900001,
        kk_IdTowar=_CODED,
        kk_Kod=f"(SELECT tw_PodstKodKresk FROM dbo.tw__Towar WHERE tw_Id = {_CODED})",
    ),
    *cloned(
        "dbo.tw_JednMiary",
        "1 = 1",
        jm_Id=900001,
        jm_IdJednMiary="(SELECT tw_JednMiary FROM dbo.tw__Towar WHERE tw_Id = jm_IdTowar)",
    ),
]


def test_rows_that_are_not_meant_change_nothing(
    gt: SubiektGt, changed: Callable[..., SubiektGt]
) -> None:
    assert told_otherwise(changed(*DECOYS), gt) == []


def test_what_is_owed_to_a_customer_but_given_up_is_told_and_not_counted(
    gt: SubiektGt, changed: Callable[..., SubiektGt]
) -> None:
    before, after = told(gt), told(changed(*_entry(900001, nzf_Typ=40, nzf_Status=2)))
    new = after["ListReceivables"].pop()
    assert after == before
    assert new.uncollectible
    assert Decimal(new.remaining) > 0


def test_a_one_off_buyer_of_an_order_has_a_name_and_no_id(
    changed: Callable[..., SubiektGt],
) -> None:
    plugin = changed("UPDATE dbo.kh__Kontrahent SET kh_Jednorazowy = 1")
    parties = [party for order in told(plugin)["ListOrders"] for party in order.parties]
    assert parties
    assert all(party.name for party in parties)
    assert not any(party.customer_id or party.customer_code for party in parties)


def test_deposits_are_what_was_handed_out_less_what_came_back(
    gt: SubiektGt, changed: Callable[..., SubiektGt]
) -> None:
    plugin = changed("UPDATE dbo.dok__Dokument SET dok_WartOpWyd = 10, dok_WartOpZwr = 2.5")
    deposits = {i.deposit_total for i in told(plugin)["ListInvoices"] if i.currency == "PLN"}
    assert [*map(Decimal, deposits)] == [Decimal("7.5")]
