-- Stock (StanyMagazynowe), in the product's stock unit: left out where that is not the base unit. What is on hand is
-- counted here, from what is available and what is held.
-- key: m.Id int
-- :parents int
-- :warehouse_id int
-- filter warehouse_id reads warehouse.id
SELECT
    s.Asortyment_Id AS [parent_id],
    m.Id AS [warehouse.id],
    m.Symbol AS [warehouse.code],
    m.Nazwa AS [warehouse.name],
    s.IloscDostepna + s.IloscZadysponowana + s.IloscZarezerwowanaIlosciowo + s.IloscZarezerwowanaDostawowo AS [on_hand],
    s.IloscZarezerwowanaIlosciowo + s.IloscZarezerwowanaDostawowo AS [reserved],
    s.IloscDostepna AS [available]
FROM ModelDanychContainer.StanyMagazynowe s
JOIN ModelDanychContainer.Magazyny m ON m.Id = s.Magazyn_Id
WHERE s.Asortyment_Id IN (:parents)
  AND NOT EXISTS (
      SELECT 1 FROM ModelDanychContainer.JednostkiMiarAsortymentow q
      WHERE q.AsortymentMagazynowy_Id = s.Asortyment_Id AND q.AsortymentPodstawowej_Id IS NULL
  )
  AND m.Id = :warehouse_id  --? warehouse_id
