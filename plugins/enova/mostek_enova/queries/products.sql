-- Products (Towary): goods, services, products of one's own, recipes. Groups are features of each site's own.
-- key: t.ID int
-- :unset datetime
-- :today datetime
-- :ids int
-- :codes nvarchar(100)
-- :eans nvarchar(130)
-- :text nvarchar(200) contains
-- :in_stock_of int
-- :active bit negated
-- :changed_since bigint
-- filter eans reads eans.code
-- filter text reads name
-- filter only_in_stock reads stock.on_hand
-- filter in_stock_of reads stock.on_hand
-- convert kind: product_kind
-- convert vat_rate.percent: rate_percent(_percent, _status)
-- convert net_weight_kg: kilograms(_weight, _weight_unit)
-- convert active: not_flag
SELECT
    t.ID AS [id],
    t.Kod AS [code],
    t.Nazwa AS [name],
    t.Opis AS [description],
    t.Typ AS [kind],
    j.Kod AS [unit],
    v.Kod AS [vat_rate.code],
    v.StawkaProcent AS [_percent],
    v.StawkaStatus AS [_status],
    t.SWW AS [pkwiu],
    t.MasaNettoValue AS [_weight],
    t.MasaNettoSymbol AS [_weight_unit],
    COALESCE(CAST(t.Blokada AS int), 0) AS [active]
FROM dbo.Towary t
LEFT JOIN dbo.Jednostki j ON j.ID = t.Jednostka
LEFT JOIN dbo.DefStawekVat v ON v.ID = t.DefinicjaStawki
WHERE 1 = 1
  AND t.ID IN (:ids)  --? ids
  AND t.Kod IN (:codes)  --? codes
  AND t.ID IN (  --? eans
      SELECT e.ID FROM dbo.Towary e WHERE e.EAN IN (:eans)  --? eans
      UNION ALL  --? eans
      SELECT b.Zapis FROM dbo.KodyKreskowe b WHERE b.ZapisType = 'Towary' AND b.Kod IN (:eans)  --? eans
  )  --? eans
  AND (t.Kod LIKE :text ESCAPE '\' OR t.Nazwa LIKE :text ESCAPE '\')  --? text
  AND EXISTS (  --? only_in_stock
      SELECT z.Magazyn FROM dbo.Zasoby z  --? only_in_stock
      JOIN dbo.OkresyMag o ON o.ID = z.Okres  --? only_in_stock
      JOIN dbo.Magazyny m ON m.ID = z.Magazyn AND COALESCE(m.Algorytm, 0) <> 2  --? only_in_stock
      WHERE z.Towar = t.ID AND z.PartiaTyp = 1 AND COALESCE(z.Nadrzedny, 0) = 0 AND t.Typ <> 2  --? only_in_stock
        AND o.OkresFrom <= :today AND (o.OkresTo >= :today OR o.OkresTo < :unset)  --? only_in_stock
      GROUP BY z.Magazyn  --? only_in_stock
      HAVING SUM(CASE z.Kierunek WHEN 1 THEN z.IloscValue WHEN -1 THEN 0 - z.IloscValue ELSE 0 END) > 0  --? only_in_stock
  )  --? only_in_stock
  AND (  --? in_stock_of
      SELECT SUM(CASE z.Kierunek WHEN 1 THEN z.IloscValue WHEN -1 THEN 0 - z.IloscValue ELSE 0 END)  --? in_stock_of
      FROM dbo.Zasoby z  --? in_stock_of
      JOIN dbo.OkresyMag o ON o.ID = z.Okres  --? in_stock_of
      JOIN dbo.Magazyny m ON m.ID = z.Magazyn AND COALESCE(m.Algorytm, 0) <> 2  --? in_stock_of
      WHERE z.Towar = t.ID AND z.PartiaTyp = 1 AND COALESCE(z.Nadrzedny, 0) = 0 AND t.Typ <> 2  --? in_stock_of
        AND o.OkresFrom <= :today AND (o.OkresTo >= :today OR o.OkresTo < :unset)  --? in_stock_of
        AND z.Magazyn = :in_stock_of  --? in_stock_of
  ) > 0  --? in_stock_of
  AND COALESCE(CAST(t.Blokada AS int), 0) = :active  --? active
  AND CAST(t.Stamp AS bigint) >= :changed_since  --? changed_since
