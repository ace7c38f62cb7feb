-- The buyer, the recipient and payers if they are others, as their cards are today: where the document keeps what was printed
-- (DaneKontrahentow) is known, its columns are not. Of a one-off buyer there is nothing then.
-- key: y.role int
-- :parents int
-- :one_off nvarchar(100)
-- convert role: whole
-- convert name: one_line
-- convert tax_id.country: typed_country(_nip, _eu_vat, _country)
-- convert tax_id.number: typed_number(_nip, _eu_vat, _country)
-- convert tax_id.kind: typed_kind(_nip, _eu_vat, _country)
-- convert address.postal_code: postal_code(_post_code, _foreign_post_code)
-- convert address.country: country
SELECT
    y.document AS [parent_id],
    y.role AS [role],
    k.ID AS [customer_id],
    k.Kod AS [customer_code],
    k.Nazwa AS [name],
    k.NIP AS [_nip],
    k.EuVAT AS [_eu_vat],
    a.AdresKodKraju AS [_country],
    a.AdresUlica AS [address.street],
    a.AdresNrDomu AS [address.house_number],
    a.AdresNrLokalu AS [address.flat_number],
    a.AdresKodPocztowy AS [_post_code],
    a.AdresZagranicznyKodPocztowy AS [_foreign_post_code],
    a.AdresMiejscowosc AS [address.city],
    a.AdresPoczta AS [address.post_office],
    a.AdresGmina AS [address.commune],
    a.AdresPowiat AS [address.county],
    a.AdresKodKraju AS [address.country],
    a.AdresGLN AS [gln]
FROM (
    SELECT b.ID AS document, 1 AS role, b.Kontrahent AS customer
    FROM dbo.DokHandlowe b
    WHERE b.ID IN (:parents) AND b.Kontrahent > 0
    UNION
    SELECT r.ID AS document, 2 AS role, r.Odbiorca AS customer
    FROM dbo.DokHandlowe r
    WHERE r.ID IN (:parents) AND r.Odbiorca > 0 AND (r.Kontrahent IS NULL OR r.Odbiorca <> r.Kontrahent)
    UNION
    SELECT p.Dokument AS document, 3 AS role, p.Podmiot AS customer
    FROM dbo.Platnosci p
    JOIN dbo.DokHandlowe d ON d.ID = p.Dokument
    WHERE p.Dokument IN (:parents) AND p.DokumentType = 'DokHandlowe' AND p.PodmiotType = 'Kontrahenci'
      AND (d.Kontrahent IS NULL OR p.Podmiot <> d.Kontrahent)
) y
LEFT JOIN dbo.Kontrahenci k ON k.ID = y.customer AND COALESCE(k.Kod, '') NOT IN (:one_off)
LEFT JOIN dbo.Adresy a ON a.ID = (
    SELECT MIN(x.ID) FROM dbo.Adresy x WHERE x.HostType = 'Kontrahenci' AND x.Host = k.ID AND x.Typ = 1
)
WHERE 1 = 1
