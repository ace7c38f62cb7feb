-- Products (tw__Towar) that are not deleted.
-- key: t.tw_Id int
-- :ids int
-- :codes varchar(20)
-- :eans varchar(20)
-- :text varchar(255) contains
-- :group_id int
-- :in_stock_of int whole_number
-- :active bit negated
-- filter eans reads eans.code
-- filter text reads name
-- filter group_id reads group.id
-- filter in_stock_of reads stock.on_hand
-- filter only_in_stock reads stock.on_hand
-- convert kind: product_kind
-- convert vat_rate.percent: vat_percent(vat_rate.percent, _vat_code)
-- convert vat_rate.country: country
-- convert gtu: gtu
-- convert active: negated
SELECT
    t.tw_Id AS [id],
    t.tw_Symbol AS [code],
    t.tw_Nazwa AS [name],
    t.tw_Opis AS [description],
    t.tw_Rodzaj AS [kind],
    t.tw_JednMiary AS [unit],
    v.vat_Symbol AS [vat_rate.code],
    v.vat_Symbol AS [_vat_code],
    v.vat_Stawka AS [vat_rate.percent],
    COALESCE(NULLIF(p.pa_KodPanstwaISO, ''), p.pa_KodPanstwaUE) AS [vat_rate.country],
    t.tw_PKWiU AS [pkwiu],
    t.tw_KodTowaru AS [cn],
    t.tw_GrupaJpkVat AS [gtu],
    t.tw_MechanizmPodzielonejPlatnosci AS [split_payment],
    CASE WHEN t.tw_ObjetySysKaucyjnym = 1 THEN t.tw_SKIdOpakowania END AS [deposit.product_id],
    (
        SELECT o.tw_Symbol FROM dbo.tw__Towar o
        WHERE o.tw_Id = t.tw_SKIdOpakowania AND t.tw_ObjetySysKaucyjnym = 1
    ) AS [deposit.product_code],
    (
        SELECT o.tw_Nazwa FROM dbo.tw__Towar o
        WHERE o.tw_Id = t.tw_SKIdOpakowania AND t.tw_ObjetySysKaucyjnym = 1
    ) AS [deposit.name],
    m.adr_Nazwa AS [manufacturer],
    t.tw_KodUProducenta AS [manufacturer_code],
    g.grt_Id AS [group.id],
    g.grt_Nazwa AS [group.name],
    g.grt_Nazwa AS [group_path],
    t.tw_Masa AS [gross_weight_kg],
    t.tw_MasaNetto AS [net_weight_kg],
    t.tw_Zablokowany AS [active]
FROM dbo.tw__Towar t
LEFT JOIN dbo.sl_StawkaVAT v ON v.vat_Id = t.tw_IdVatSp
LEFT JOIN dbo.sl_Panstwo p ON p.pa_Id = v.vat_IdPanstwo
LEFT JOIN dbo.sl_GrupaTw g ON g.grt_Id = t.tw_IdGrupa
LEFT JOIN dbo.adr__Ewid m ON m.adr_IdObiektu = t.tw_IdProducenta AND m.adr_TypAdresu = 1
WHERE t.tw_Usuniety = 0
  AND t.tw_Id IN (:ids)  --? ids
  AND t.tw_Symbol IN (:codes)  --? codes
  AND t.tw_Id IN (  --? eans
      SELECT x.tw_Id FROM dbo.tw__Towar x WHERE x.tw_PodstKodKresk IN (:eans)  --? eans
      UNION ALL  --? eans
      SELECT y.kk_IdTowar FROM dbo.tw_KodKreskowy y WHERE y.kk_Kod IN (:eans)  --? eans
  )  --? eans
  AND (t.tw_Symbol LIKE :text ESCAPE '\' OR t.tw_Nazwa LIKE :text ESCAPE '\')  --? text
  AND t.tw_IdGrupa = :group_id  --? group_id
  AND EXISTS (  --? only_in_stock
      SELECT 1 FROM dbo.tw_Stan s WHERE s.st_TowId = t.tw_Id AND s.st_Stan > 0  --? only_in_stock
  )  --? only_in_stock
  AND EXISTS (  --? in_stock_of
      SELECT 1 FROM dbo.tw_Stan s  --? in_stock_of
      WHERE s.st_TowId = t.tw_Id AND s.st_MagId = :in_stock_of AND s.st_Stan > 0  --? in_stock_of
  )  --? in_stock_of
  AND t.tw_Zablokowany = :active  --? active
