"""Rows that share ids with what is told, or are void: none of them may change what is read."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal

from mostek.plugin.testing import cloned, told, told_otherwise

from .conftest import Frozen

_INVOICE = (
    "(SELECT MIN(d.Id) FROM @Dokumenty d JOIN @Rozrachunki r ON r.Dokument_Id = d.Id AND r.Podmiot_Id = d.PodmiotId"
    " WHERE d.Symbol = 'FS')"
)
_SETTLEMENT = f"Dokument_Id = {_INVOICE} AND Podmiot_Id = (SELECT PodmiotId FROM @Dokumenty WHERE Id = {_INVOICE})"
_ORDER = (
    "(SELECT MIN(d.Id) FROM @Dokumenty d WHERE d.Symbol = 'ZK' AND NOT EXISTS ("
    "SELECT 1 FROM @StanyRealizacjiZamowien q WHERE q.DokumentZK_Id = d.Id AND q.ZrealizowanaIlosc > 0))"
)
_VOID = "(SELECT MIN(Id) FROM @StatusyDokumentow WHERE Uniewazniony = 1)"
_LISTED = "(SELECT MIN(PoziomCen_Id) FROM @Cenniki WHERE Bazowy = 1)"

#: In their order: a settlement that is neither a receivable nor a liability; an order of which nothing was delivered; a
#: void document of an order; a bar code of a deposit; a closed price list of a level that has its base list.
DECOYS = [
    *cloned("@Rozrachunki", _SETTLEMENT, Id=900001, Typ=3, KwotaPozostala=5),
    *cloned(
        "@StanyRealizacjiZamowien",
        "1 = 1",
        Id=900001,
        DokumentZK_Id=_ORDER,
        PozycjaDokumentuZK_Id=900001,
        ZrealizowanaIlosc=0,
    ),
    *cloned(
        "@Dokumenty",
        f"Id = {_INVOICE}",
        Id=900001,
        StatusDokumentuId=_VOID,
        NumerWewnetrzny_PelnaSygnatura="'X 1'",
    ),
    *cloned(
        "@DokumentDokument",
        "1 = 1",
        DokumentyRealizujace_Id=900001,
        DokumentyRealizowane_Id=_ORDER,
    ),
    *cloned(
        "@KodyKreskowe",
        "1 = 1",
        Id=900001,
        Kod="'5900000900001'",
        AsortymentDlaKtoregoKodKaucjiId=100001,
    ),
    *cloned(
        "@Cenniki",
        "Bazowy = 1",
        Id=1,
        Bazowy=0,
        PoziomCen_Id=_LISTED,
        DataZamkniecia="'2026-01-01 00:00:00'",
    ),
]


def test_rows_that_are_not_meant_change_nothing(
    nexo: Frozen, changed: Callable[..., Frozen]
) -> None:
    assert told_otherwise(changed(*DECOYS), nexo) == []


def test_a_price_list_of_a_time_tells_its_days(changed: Callable[..., Frozen]) -> None:
    """The base list holds for ever, whatever is in its columns."""
    plugin = changed(
        "UPDATE @Cenniki SET HarmonogramWaznosci_DataPoczatkowa = '2026-11-01 00:00:00',"
        " HarmonogramWaznosci_DataKoncowa = '2026-11-30 00:00:00', Bazowy = CASE WHEN Id % 2 = 0 THEN 1 ELSE 0 END"
    )
    prices = [price for product in told(plugin)["ListProducts"] for price in product.prices]
    for price in prices:
        days = (price.valid_from, price.valid_to)
        base = int(price.price_list.id) % 2 == 0
        assert days == (("", "") if base else ("2026-11-01", "2026-11-30"))
    assert {int(price.price_list.id) % 2 for price in prices} == {0, 1}


def test_a_one_off_buyer_of_an_order_has_a_name_and_no_id(changed: Callable[..., Frozen]) -> None:
    plugin = changed("UPDATE @Podmioty SET Jednorazowy = 1")
    parties = [party for order in told(plugin)["ListOrders"] for party in order.parties]
    assert parties
    assert all(party.name for party in parties)
    assert not any(party.customer_id or party.customer_code for party in parties)


def test_the_uncollectible_is_told_and_not_counted(
    nexo: Frozen, changed: Callable[..., Frozen]
) -> None:
    plugin = changed("UPDATE @Rozrachunki SET Sciagalny = 0")
    answers = told(plugin)
    debts = answers["ListReceivables"]
    assert len(debts) == len(told(nexo)["ListReceivables"])
    assert all(debt.uncollectible and Decimal(debt.remaining) for debt in debts)
    assert not any(answers[customer.id].balances for customer in answers["ListCustomers"])
