-- Products: rows of ARTYKUL, which is one card per warehouse. The same code in two warehouses is two products.
-- key: t.ID_ARTYKULU bigint
-- :company int
-- :ids bigint
-- :codes varchar(20)
-- :eans varchar(20)
-- :text varchar(100) contains
-- :group_id bigint
-- :warehouse_id bigint
-- :active bit negated
-- filter eans reads eans.code
-- filter text reads name
-- filter group_id reads group.id
-- filter warehouse_id reads stock.warehouse.id
-- filter only_in_stock reads stock.on_hand
-- convert kind: product_kind
-- convert vat_rate.percent: vat_percent(vat_rate.percent, _vat_code)
-- convert active: not_flag
SELECT
    t.ID_ARTYKULU AS [id],
    t.INDEKS_KATALOGOWY AS [code],
    COALESCE(NULLIF(t.NAZWA_CALA, ''), t.NAZWA) AS [name],
    t.OPIS AS [description],
    t.RODZAJ AS [kind],
    j.SKROT AS [unit],
    t.VAT_SPRZEDAZY AS [vat_rate.code],
    t.VAT_SPRZEDAZY AS [_vat_code],
    v.STAWKA AS [vat_rate.percent],
    t.PKWIU AS [pkwiu],
    t.KOD_CN AS [cn],
    t.PRODUCENT AS [manufacturer],
    t.INDEKS_PRODUCENTA AS [manufacturer_code],
    g.ID_KATEGORII AS [group.id],
    g.NAZWA AS [group.name],
    t.ZABLOKOWANY AS [active]
FROM dbo.ARTYKUL t
JOIN dbo.MAGAZYN m ON m.ID_MAGAZYNU = t.ID_MAGAZYNU
LEFT JOIN dbo.JEDNOSTKA j ON j.ID_JEDNOSTKI = t.ID_JEDNOSTKI
LEFT JOIN dbo.STAWKA_VAT v ON v.KOD_VAT = t.VAT_SPRZEDAZY
LEFT JOIN dbo.KATEGORIA_ARTYKULU g ON g.ID_KATEGORII = t.ID_KATEGORII
WHERE COALESCE(m.ID_FIRMY, 0) = :company
  AND t.ID_ARTYKULU IN (:ids)  --? ids
  AND t.ID_MAGAZYNU IN (SELECT w.ID_MAGAZYNU FROM dbo.MAGAZYN w WHERE w.ID_FIRMY = :company)  --? codes
  AND t.INDEKS_KATALOGOWY IN (:codes)  --? codes
  AND t.ID_ARTYKULU IN (  --? eans
      SELECT x.ID_ARTYKULU FROM dbo.ARTYKUL x WHERE x.KOD_KRESKOWY IN (:eans)  --? eans
      UNION ALL  --? eans
      SELECT y.ID_ARTYKULU FROM dbo.KOD_KRESKOWY y WHERE y.KOD_KRESKOWY IN (:eans)  --? eans
  )  --? eans
  AND (  --? text
      t.INDEKS_KATALOGOWY LIKE :text ESCAPE '\'  --? text
      OR t.NAZWA LIKE :text ESCAPE '\' OR t.NAZWA_CALA LIKE :text ESCAPE '\'  --? text
  )  --? text
  AND t.ID_KATEGORII = :group_id  --? group_id
  AND COALESCE(t.ID_MAGAZYNU, 0) = :warehouse_id  --? warehouse_id
  AND t.STAN > 0  --? only_in_stock
  AND COALESCE(CAST(t.ZABLOKOWANY AS int), 0) = :active  --? active
