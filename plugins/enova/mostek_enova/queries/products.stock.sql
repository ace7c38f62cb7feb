-- Stock: the sum of the lots (Zasoby) of the period that covers today, those of the direction -1 less; lots within other
-- lots, reserved and ordered ones do not count. Services and warehouses without accounts have none.
-- key: m.ID int
-- :parents int
-- :today datetime
-- :unset datetime
-- :warehouse_id int
-- filter warehouse_id reads warehouse.id
SELECT
    t.ID AS [parent_id],
    m.ID AS [warehouse.id],
    m.Symbol AS [warehouse.code],
    m.Nazwa AS [warehouse.name],
    COALESCE(s.on_hand, 0) AS [on_hand],
    COALESCE(s.reserved, 0) AS [reserved],
    COALESCE(s.on_hand, 0) - COALESCE(s.reserved, 0) AS [available]
FROM dbo.Towary t
CROSS JOIN dbo.Magazyny m
LEFT JOIN (
    SELECT
        z.Towar AS product,
        z.Magazyn AS warehouse,
        SUM(CASE z.Kierunek WHEN 1 THEN z.IloscValue WHEN -1 THEN 0 - z.IloscValue ELSE 0 END) AS on_hand,
        SUM(CASE z.Kierunek WHEN 1 THEN z.IloscRezerwowanaValue ELSE 0 END) AS reserved
    FROM dbo.Zasoby z
    JOIN dbo.OkresyMag o ON o.ID = z.Okres
    WHERE z.Towar IN (:parents)
      AND z.PartiaTyp = 1
      AND COALESCE(z.Nadrzedny, 0) = 0
      AND o.OkresFrom <= :today AND (o.OkresTo >= :today OR o.OkresTo < :unset)
    GROUP BY z.Towar, z.Magazyn
) s ON s.product = t.ID AND s.warehouse = m.ID
WHERE t.ID IN (:parents)
  AND t.Typ <> 2
  AND COALESCE(m.Algorytm, 0) <> 2
  AND m.ID = :warehouse_id  --? warehouse_id
