-- The buyer, and the payer if it is another, with the name and address that held on the day (ADRESY_KONTRAHENTA), else those of the card.
-- key: y.role int
-- :parents bigint
-- convert role: whole
-- convert tax_id.country: tax_country(tax_id.number, _country)
-- convert tax_id.number: tax_number(tax_id.number, _country)
-- convert tax_id.kind: tax_kind(tax_id.number, _country)
-- convert address.country: country
SELECT
    y.document AS [parent_id],
    y.role AS [role],
    CASE WHEN COALESCE(k.Incydentalny, 0) = 0 THEN k.ID_KONTRAHENTA END AS [customer_id],
    k.KOD_KONTRAHENTA AS [customer_code],
    COALESCE(NULLIF(a.NAZWA_PELNA, ''), NULLIF(y.printed, ''), NULLIF(k.NAZWA_PELNA, ''), k.NAZWA) AS [name],
    COALESCE(a.NIP, k.NIP) AS [tax_id.number],
    COALESCE(a.SYM_KRAJU, k.SYM_KRAJU) AS [_country],
    COALESCE(a.ULICA_LOKAL, k.ULICA_LOKAL) AS [address.address_line],
    COALESCE(a.KOD_POCZTOWY, k.KOD_POCZTOWY) AS [address.postal_code],
    COALESCE(a.MIEJSCOWOSC, k.MIEJSCOWOSC) AS [address.city],
    COALESCE(a.POWIAT, k.POWIAT) AS [address.county],
    COALESCE(a.WOJEWODZTWO, k.WOJEWODZTWO) AS [address.voivodeship],
    COALESCE(a.SYM_KRAJU, k.SYM_KRAJU) AS [address.country]
FROM (
    SELECT b.ID_DOKUMENTU_HANDLOWEGO AS document, 1 AS role, b.ID_KONTRAHENTA AS customer, b.KONTRAHENT_NAZWA AS printed, b.DATA_WYSTAWIENIA AS issued
    FROM dbo.DOKUMENT_HANDLOWY b
    WHERE b.ID_DOKUMENTU_HANDLOWEGO IN (:parents) AND b.ID_KONTRAHENTA > 0
    UNION ALL
    SELECT r.ID_DOKUMENTU_HANDLOWEGO AS document, 3 AS role, r.ID_PLATNIKA AS customer, r.PLATNIK_NAZWA AS printed, r.DATA_WYSTAWIENIA AS issued
    FROM dbo.DOKUMENT_HANDLOWY r
    WHERE r.ID_DOKUMENTU_HANDLOWEGO IN (:parents) AND r.ID_PLATNIKA > 0 AND (r.ID_KONTRAHENTA IS NULL OR r.ID_PLATNIKA <> r.ID_KONTRAHENTA)
) y
LEFT JOIN dbo.KONTRAHENT k ON k.ID_KONTRAHENTA = y.customer
LEFT JOIN dbo.ADRESY_KONTRAHENTA a ON a.ID_KONTRAHENTA = y.customer AND a.DATA_OD = (
    SELECT MAX(o.DATA_OD) FROM dbo.ADRESY_KONTRAHENTA o
    WHERE o.ID_KONTRAHENTA = y.customer AND o.DATA_OD <= y.issued
)
WHERE 1 = 1
