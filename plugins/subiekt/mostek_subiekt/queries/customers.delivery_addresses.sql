-- Addresses of the list kh_AdresyDostawy, and the delivery address of the card (type 11) if it is active. The id is
-- that of the frozen version, which documents point to (dok_AdresDostawyAdreshId).
-- key: d.version int
-- :parents int
-- convert address.country: country
SELECT
    d.customer AS [parent_id],
    d.version AS [id],
    d.is_default AS [is_default],
    h.adrh_Nazwa AS [name],
    h.adrh_Ulica AS [address.street],
    h.adrh_NrDomu AS [address.house_number],
    h.adrh_NrLokalu AS [address.flat_number],
    h.adrh_Kod AS [address.postal_code],
    h.adrh_Miejscowosc AS [address.city],
    NULLIF(h.adrh_Poczta, h.adrh_Miejscowosc) AS [address.post_office],
    h.adrh_Gmina AS [address.commune],
    h.adrh_Powiat AS [address.county],
    w.woj_Nazwa AS [address.voivodeship],
    COALESCE(NULLIF(p.pa_KodPanstwaISO, ''), p.pa_KodPanstwaUE) AS [address.country],
    h.adrh_Telefon AS [phone],
    h.adrh_GLN AS [gln]
FROM (
    SELECT y.adk_IdKhnt AS customer, y.adk_IdAdresuHist AS version, 0 AS is_default
    FROM dbo.kh_AdresyDostawy y
    WHERE y.adk_IdKhnt IN (:parents)
    UNION ALL
    SELECT
        k.kh_Id AS customer,
        (
            SELECT MAX(v.adrh_Id) FROM dbo.adr_Historia v
            WHERE v.adrh_IdAdresu = e.adr_Id
              AND NOT EXISTS (SELECT 1 FROM dbo.kh_AdresyDostawy o WHERE o.adk_IdAdresuHist = v.adrh_Id)
        ) AS version,
        1 AS is_default
    FROM dbo.kh__Kontrahent k
    JOIN dbo.adr__Ewid e ON e.adr_IdObiektu = k.kh_Id AND e.adr_TypAdresu = 11
    WHERE k.kh_Id IN (:parents) AND k.kh_AdresDostawy = 1
) d
JOIN dbo.adr_Historia h ON h.adrh_Id = d.version
LEFT JOIN dbo.sl_Panstwo p ON p.pa_Id = h.adrh_IdPanstwo
LEFT JOIN dbo.sl_Wojewodztwo w ON w.woj_Id = h.adrh_IdWojewodztwo
WHERE 1 = 1
