-- Buyer, recipient and payer as the document froze them (PodmiotHistorie, AdresSzczegolyHistorie); recipient and payer
-- only if they are others than the buyer. No id is told of one-off customers.
-- key: y.position int
-- :parents int
-- convert role: party_role
-- convert name: full_name(name, _first_name, _last_name, _short_name)
-- convert tax_id.country: tax_country(tax_id.number, _country)
-- convert tax_id.number: tax_number(tax_id.number, _country)
-- convert tax_id.kind: tax_kind(tax_id.number, _country)
SELECT
    y.document AS [parent_id],
    y.position AS [role],
    k.Id AS [customer_id],
    k.Sygnatura_PelnaSygnatura AS [customer_code],
    h.Nazwa AS [name],
    h.NazwaSkrocona AS [_short_name],
    h.Imie AS [_first_name],
    h.Nazwisko AS [_last_name],
    COALESCE(NULLIF(h.NIP, ''), h.NIPUE) AS [tax_id.number],
    CASE WHEN h.NIP > '' THEN 'PL' END AS [_country],
    s.Ulica AS [address.street],
    s.NrDomu AS [address.house_number],
    s.NrLokalu AS [address.flat_number],
    s.KodPocztowy AS [address.postal_code],
    s.Miejscowosc AS [address.city],
    NULLIF(s.Poczta, s.Miejscowosc) AS [address.post_office]
FROM (
    SELECT
        d.Id AS document, 1 AS position, d.PodmiotId AS customer, d.PodmiotWybranyId AS version,
        COALESCE(d.AdresNabywcySprzedawcyId, d.AdresKontrahentaId) AS address
    FROM ModelDanychContainer.Dokumenty d
    WHERE d.Id IN (:parents) AND (d.PodmiotId IS NOT NULL OR d.PodmiotWybranyId IS NOT NULL)
    UNION ALL
    SELECT
        d.Id AS document, 2 AS position, d.OdbiorcaId AS customer, d.OdbiorcaWybranyId AS version,
        d.AdresOdbiorcyId AS address
    FROM ModelDanychContainer.Dokumenty d
    WHERE d.Id IN (:parents) AND d.OdbiorcaId <> COALESCE(d.PodmiotId, 0)
    UNION ALL
    SELECT
        d.Id AS document, 3 AS position, z.PodmiotDlaKtoregoHistoria_Id AS customer, z.Id AS version,
        d.AdresPlatnikaId AS address
    FROM ModelDanychContainer.Dokumenty d
    JOIN ModelDanychContainer.PodmiotHistorie z ON z.Id = d.Dokument_Platnik_Id
    WHERE d.Id IN (:parents) AND z.PodmiotDlaKtoregoHistoria_Id <> COALESCE(d.PodmiotId, 0)
) y
LEFT JOIN ModelDanychContainer.PodmiotHistorie h ON h.Id = y.version
LEFT JOIN ModelDanychContainer.Podmioty k ON k.Id = y.customer AND COALESCE(k.Jednorazowy, 0) = 0
LEFT JOIN ModelDanychContainer.AdresSzczegolyHistorie s ON s.Id = (
    SELECT MIN(x.Id) FROM ModelDanychContainer.AdresSzczegolyHistorie x WHERE x.AdresHistoria_Id = y.address
)
WHERE 1 = 1
