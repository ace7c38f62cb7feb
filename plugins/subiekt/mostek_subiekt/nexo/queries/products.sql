-- Products (Asortymenty) that are not in the recycle bin. Nothing known marks one as withdrawn.
-- key: t.Id int
-- :ids int
-- :codes nvarchar(64)
-- :eans nvarchar(64)
-- :text nvarchar(512) contains
-- :group_id int
-- :in_stock_of int whole_number
-- :changed_since bigint
-- filter eans reads eans.code
-- filter text reads name
-- filter group_id reads group.id
-- filter in_stock_of reads stock.on_hand
-- filter only_in_stock reads stock.on_hand
-- filter changed_since reads id
-- convert kind: product_kind
-- convert vat_rate.percent: vat_percent(vat_rate.percent, _vat_code)
SELECT
    t.Id AS [id],
    t.Symbol AS [code],
    t.Nazwa AS [name],
    t.Opis AS [description],
    t.Rodzaj_Id AS [kind],
    u.Symbol AS [unit],
    v.Symbol AS [vat_rate.code],
    v.Symbol AS [_vat_code],
    v.Stawka AS [vat_rate.percent],
    t.PKWiU AS [pkwiu],
    t.KodCN AS [cn],
    t.Grupa_Id AS [group.id],
    CASE WHEN m.Symbol = 'kg' THEN NULLIF(j.Masa, 0) END AS [gross_weight_kg],
    CASE WHEN n.Symbol = 'kg' THEN NULLIF(j.MasaNetto, 0) END AS [net_weight_kg]
FROM ModelDanychContainer.Asortymenty t
LEFT JOIN ModelDanychContainer.JednostkiMiarAsortymentow j ON j.Id = (
    SELECT MIN(x.Id) FROM ModelDanychContainer.JednostkiMiarAsortymentow x WHERE x.AsortymentPodstawowej_Id = t.Id
)
LEFT JOIN ModelDanychContainer.JednostkiMiar u ON u.Id = j.JednostkaMiary_Id
LEFT JOIN ModelDanychContainer.JednostkiMiar m ON m.Id = j.JednostkaMiaryMasy_Id
LEFT JOIN ModelDanychContainer.JednostkiMiar n ON n.Id = j.JednostkaMiaryMasyNettoId
LEFT JOIN ModelDanychContainer.StawkiVat v ON v.Id = t.StawkaVatSprzedaz_Id
WHERE COALESCE(t.IsInRecycleBin, 0) = 0
  AND t.Id IN (:ids)  --? ids
  AND t.Symbol IN (:codes)  --? codes
  AND t.Id IN (  --? eans
      SELECT y.Asortyment_Id FROM ModelDanychContainer.KodyKreskowe k  --? eans
      JOIN ModelDanychContainer.JednostkiMiarAsortymentow y ON y.Id = k.JednostkaMiaryAsortymentu_Id  --? eans
      WHERE k.Kod IN (:eans)  --? eans
  )  --? eans
  AND (t.Symbol LIKE :text ESCAPE '\' OR t.Nazwa LIKE :text ESCAPE '\')  --? text
  AND t.Grupa_Id = :group_id  --? group_id
  AND EXISTS (  --? only_in_stock
      SELECT 1 FROM ModelDanychContainer.StanyMagazynowe s  --? only_in_stock
      WHERE s.Asortyment_Id = t.Id  --? only_in_stock
        AND s.IloscDostepna + s.IloscZadysponowana + s.IloscZarezerwowanaIlosciowo + s.IloscZarezerwowanaDostawowo > 0  --? only_in_stock
        AND NOT EXISTS (  --? only_in_stock
            SELECT 1 FROM ModelDanychContainer.JednostkiMiarAsortymentow q  --? only_in_stock
            WHERE q.AsortymentMagazynowy_Id = s.Asortyment_Id AND q.AsortymentPodstawowej_Id IS NULL  --? only_in_stock
        )  --? only_in_stock
  )  --? only_in_stock
  AND EXISTS (  --? in_stock_of
      SELECT 1 FROM ModelDanychContainer.StanyMagazynowe s  --? in_stock_of
      WHERE s.Asortyment_Id = t.Id AND s.Magazyn_Id = :in_stock_of  --? in_stock_of
        AND s.IloscDostepna + s.IloscZadysponowana + s.IloscZarezerwowanaIlosciowo + s.IloscZarezerwowanaDostawowo > 0  --? in_stock_of
        AND NOT EXISTS (  --? in_stock_of
            SELECT 1 FROM ModelDanychContainer.JednostkiMiarAsortymentow q  --? in_stock_of
            WHERE q.AsortymentMagazynowy_Id = s.Asortyment_Id AND q.AsortymentPodstawowej_Id IS NULL  --? in_stock_of
        )  --? in_stock_of
  )  --? in_stock_of
  AND (  --? changed_since
      CAST(t.TimeStamp AS bigint) >= :changed_since  --? changed_since
      OR EXISTS (  --? changed_since
          SELECT 1 FROM ModelDanychContainer.PozycjeCennika z  --? changed_since
          WHERE z.Asortyment_Id = t.Id AND CAST(z.TimeStamp AS bigint) >= :changed_since  --? changed_since
      )  --? changed_since
      OR EXISTS (  --? changed_since
          SELECT 1 FROM ModelDanychContainer.JednostkiMiarAsortymentow z  --? changed_since
          WHERE z.Asortyment_Id = t.Id AND CAST(z.TimeStamp AS bigint) >= :changed_since  --? changed_since
      )  --? changed_since
  )  --? changed_since
