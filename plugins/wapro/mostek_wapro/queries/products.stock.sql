-- Stock, which is kept on the card of the warehouse; services (RODZAJ begins with U) have none.
-- key: m.ID_MAGAZYNU bigint
-- :parents bigint
SELECT
    t.ID_ARTYKULU AS [parent_id],
    m.ID_MAGAZYNU AS [warehouse.id],
    m.SYMBOL AS [warehouse.code],
    m.NAZWA AS [warehouse.name],
    t.STAN AS [on_hand],
    t.ZAREZERWOWANO AS [reserved],
    COALESCE(t.STAN, 0) - t.ZAREZERWOWANO AS [available]
FROM dbo.ARTYKUL t
JOIN dbo.MAGAZYN m ON m.ID_MAGAZYNU = t.ID_MAGAZYNU
WHERE t.ID_ARTYKULU IN (:parents)
  AND UPPER(SUBSTRING(COALESCE(t.RODZAJ, ''), 1, 1)) <> 'U'
