-- Lines (PozycjeDokumentu), with what was delivered of each (StanyRealizacjiZamowien, in the product's base unit).
-- key: p.LP int
-- :parents int
-- convert discount: share_percent
-- convert vat_rate.percent: vat_percent(vat_rate.percent, _vat_code)
-- convert fulfilled_quantity: in_unit(fulfilled_quantity, quantity, _base_quantity)
SELECT
    p.Dokument_Id AS [parent_id],
    p.LP AS [line_number],
    t.Id AS [product_id],
    t.Symbol AS [product_code],
    COALESCE(t.Nazwa, p.Opis) AS [name],
    p.Ilosc AS [quantity],
    p.IloscWJednostceBazowej AS [_base_quantity],
    u.Symbol AS [unit],
    p.Cena_NettoPrzedRabatem AS [net_price],
    p.Cena_BruttoPrzedRabatem AS [gross_price],
    p.Cena_RabatProcent AS [discount],
    v.Symbol AS [vat_rate.code],
    v.Symbol AS [_vat_code],
    v.Stawka AS [vat_rate.percent],
    p.Wartosc_NettoPoRabacie AS [net],
    p.Wartosc_VatPoRabacie AS [vat],
    p.Wartosc_BruttoPoRabacie AS [gross],
    (
        SELECT SUM(z.ZrealizowanaIlosc) FROM ModelDanychContainer.StanyRealizacjiZamowien z WHERE z.PozycjaDokumentuZK_Id = p.Id
    ) AS [fulfilled_quantity],
    m.Id AS [warehouse.id],
    m.Symbol AS [warehouse.code],
    m.Nazwa AS [warehouse.name],
    CASE WHEN t.Id IS NOT NULL THEN p.Opis END AS [remark]
FROM ModelDanychContainer.PozycjeDokumentu p
LEFT JOIN ModelDanychContainer.Asortymenty t ON t.Id = p.AsortymentAktualnyId
LEFT JOIN ModelDanychContainer.JednostkiMiarAsortymentow j ON j.Id = p.JednostkaMiaryAsId
LEFT JOIN ModelDanychContainer.JednostkiMiar u ON u.Id = j.JednostkaMiary_Id
LEFT JOIN ModelDanychContainer.StawkiVat v ON v.Id = p.StawkaVatId
LEFT JOIN ModelDanychContainer.Magazyny m ON m.Id = p.MagazynId
WHERE p.Dokument_Id IN (:parents)
