-- Stock of goods: of each warehouse the latest row that is not after today; 0 where a product never moved. Rows without
-- a warehouse are those of all together.
-- key: m.Mag_MagId int
-- :parents int
-- :before datetime
-- :warehouse_id int
-- filter warehouse_id reads warehouse.id
SELECT
    t.Twr_TwrId AS [parent_id],
    m.Mag_MagId AS [warehouse.id],
    m.Mag_Symbol AS [warehouse.code],
    m.Mag_Nazwa AS [warehouse.name],
    COALESCE(i.TwI_Ilosc, 0) AS [on_hand],
    COALESCE(i.TwI_Rezerwacje, 0) AS [reserved],
    COALESCE(i.TwI_Ilosc, 0) - COALESCE(i.TwI_Rezerwacje, 0) AS [available]
FROM CDN.Towary t
CROSS JOIN CDN.Magazyny m
LEFT JOIN CDN.TwrIlosci i ON i.TwI_TwrId = t.Twr_TwrId AND i.TwI_MagId = m.Mag_MagId AND i.TwI_Data = (
    SELECT MAX(z.TwI_Data) FROM CDN.TwrIlosci z
    WHERE z.TwI_TwrId = t.Twr_TwrId AND z.TwI_MagId = m.Mag_MagId AND z.TwI_Data < :before
)
WHERE t.Twr_TwrId IN (:parents)
  AND t.Twr_Typ = 1
  AND (m.Mag_NieAktywny = 0 OR i.TwI_Ilosc <> 0)
  AND m.Mag_MagId = :warehouse_id  --? warehouse_id
