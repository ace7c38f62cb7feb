-- Stock (tw_Stan) of goods and packaging; services have rows there too.
-- key: s.st_MagId int
-- :parents int
-- :warehouse_id int
-- filter warehouse_id reads warehouse.id
SELECT
    s.st_TowId AS [parent_id],
    m.mag_Id AS [warehouse.id],
    m.mag_Symbol AS [warehouse.code],
    m.mag_Nazwa AS [warehouse.name],
    s.st_Stan AS [on_hand],
    s.st_StanRez AS [reserved],
    s.st_Stan - s.st_StanRez AS [available]
FROM dbo.tw_Stan s
JOIN dbo.tw__Towar t ON t.tw_Id = s.st_TowId AND t.tw_Rodzaj IN (1, 4)
JOIN dbo.sl_Magazyn m ON m.mag_Id = s.st_MagId
WHERE s.st_TowId IN (:parents)
  AND s.st_MagId = :warehouse_id  --? warehouse_id
