-- The customer's own address for deliveries (Adresy_AdresPodmiotu), if it is not the main one.
-- key: a1.Id int
-- :parents int
-- convert address.country: country
SELECT
    a1.PodmiotAdresuDostaw_Id AS [parent_id],
    a1.Id AS [id],
    1 AS [is_default],
    b1.Nazwa AS [name],
    CASE WHEN b1.LiniowyAktualny = 1 THEN b1.LiniaCalosc END AS [address.address_line],
    CASE WHEN COALESCE(b1.LiniowyAktualny, 0) = 0 THEN s1.Ulica END AS [address.street],
    CASE WHEN COALESCE(b1.LiniowyAktualny, 0) = 0 THEN s1.NrDomu END AS [address.house_number],
    CASE WHEN COALESCE(b1.LiniowyAktualny, 0) = 0 THEN s1.NrLokalu END AS [address.flat_number],
    CASE WHEN COALESCE(b1.LiniowyAktualny, 0) = 0 THEN s1.KodPocztowy END AS [address.postal_code],
    CASE WHEN COALESCE(b1.LiniowyAktualny, 0) = 0 THEN s1.Miejscowosc END AS [address.city],
    CASE WHEN COALESCE(b1.LiniowyAktualny, 0) = 0 THEN NULLIF(s1.Poczta, s1.Miejscowosc) END AS [address.post_office],
    c1.KodPanstwaUE AS [address.country]
FROM ModelDanychContainer.Adresy_AdresPodmiotu a1
JOIN ModelDanychContainer.Adresy b1 ON b1.Id = a1.Id
LEFT JOIN ModelDanychContainer.AdresySzczegoly s1 ON s1.Id = (
    SELECT MIN(x.Id) FROM ModelDanychContainer.AdresySzczegoly x WHERE x.Adres_Id = a1.Id
)
LEFT JOIN ModelDanychContainer.Panstwa c1 ON c1.Id = b1.Panstwo_Id
WHERE a1.PodmiotAdresuDostaw_Id IN (:parents)
  AND a1.PodmiotAdresuPodstawowego_Id IS NULL
