-- Customers (Podmioty): those marked as contractors unless the site wants all; one-off ones and the own company are left
-- out.
-- key: p.Id int
-- :ids int
-- :codes nvarchar(64)
-- :tax_id nvarchar(31) tax_id_notations
-- :tax_id_country nvarchar(2)
-- :text nvarchar(512) contains
-- :group_id int
-- :active bit
-- :changed_since bigint
-- filter tax_id reads tax_id.number
-- filter tax_id_country reads tax_id.number
-- filter text reads full_name
-- filter group_id reads group.id
-- filter changed_since reads id
-- convert full_name: full_name(full_name, _first_name, _last_name)
-- convert kind: customer_kind(_company, _tax_id)
-- convert tax_id.country: tax_country(tax_id.number, _country)
-- convert tax_id.number: tax_number(tax_id.number, _country)
-- convert tax_id.kind: tax_kind(tax_id.number, _country)
-- convert address.country: country
-- convert correspondence_address.country: country
-- convert currency: currency
SELECT
    p.Id AS [id],
    p.Sygnatura_PelnaSygnatura AS [code],
    p.NazwaSkrocona AS [name],
    f.Nazwa AS [full_name],
    o.Imie AS [_first_name],
    o.Nazwisko AS [_last_name],
    f.Id AS [_company],
    COALESCE(NULLIF(p.NIP, ''), p.NIPUE) AS [_tax_id],
    COALESCE(NULLIF(p.NIP, ''), p.NIPUE) AS [tax_id.number],
    c1.KodPanstwaUE AS [_country],
    f.REGON AS [regon],
    o.PESEL AS [pesel],
    p.PodatnikUE AS [eu_vat_payer],
    CASE WHEN b1.LiniowyAktualny = 1 THEN b1.LiniaCalosc END AS [address.address_line],
    CASE WHEN COALESCE(b1.LiniowyAktualny, 0) = 0 THEN s1.Ulica END AS [address.street],
    CASE WHEN COALESCE(b1.LiniowyAktualny, 0) = 0 THEN s1.NrDomu END AS [address.house_number],
    CASE WHEN COALESCE(b1.LiniowyAktualny, 0) = 0 THEN s1.NrLokalu END AS [address.flat_number],
    CASE WHEN COALESCE(b1.LiniowyAktualny, 0) = 0 THEN s1.KodPocztowy END AS [address.postal_code],
    CASE WHEN COALESCE(b1.LiniowyAktualny, 0) = 0 THEN s1.Miejscowosc END AS [address.city],
    CASE WHEN COALESCE(b1.LiniowyAktualny, 0) = 0 THEN NULLIF(s1.Poczta, s1.Miejscowosc) END AS [address.post_office],
    c1.KodPanstwaUE AS [address.country],
    CASE WHEN b2.LiniowyAktualny = 1 THEN b2.LiniaCalosc END AS [correspondence_address.address_line],
    CASE WHEN COALESCE(b2.LiniowyAktualny, 0) = 0 THEN s2.Ulica END AS [correspondence_address.street],
    CASE WHEN COALESCE(b2.LiniowyAktualny, 0) = 0 THEN s2.NrDomu END AS [correspondence_address.house_number],
    CASE WHEN COALESCE(b2.LiniowyAktualny, 0) = 0 THEN s2.NrLokalu END AS [correspondence_address.flat_number],
    CASE WHEN COALESCE(b2.LiniowyAktualny, 0) = 0 THEN s2.KodPocztowy END AS [correspondence_address.postal_code],
    CASE WHEN COALESCE(b2.LiniowyAktualny, 0) = 0 THEN s2.Miejscowosc END AS [correspondence_address.city],
    CASE WHEN COALESCE(b2.LiniowyAktualny, 0) = 0 THEN NULLIF(s2.Poczta, s2.Miejscowosc) END AS [correspondence_address.post_office],
    c2.KodPanstwaUE AS [correspondence_address.country],
    (
        SELECT MIN(h.Email) FROM ModelDanychContainer.PodmiotHistorie h WHERE h.PodmiotDlaKtoregoNajnowsza_Id = p.Id
    ) AS [email],
    p.Telefon AS [phone],
    CASE WHEN p.ZezwalajNaKredytKupiecki = 1 THEN p.TerminPlatnosciSprzedaz END AS [payment_days],
    l.Id AS [price_list.id],
    l.Tytul AS [price_list.name],
    w.Symbol AS [currency],
    CASE
        WHEN p.ZezwalajNaKredytKupiecki = 1 AND (p.Podmiot_WalutaLimitow_Id IS NULL OR wl.KartotekaWalut_Id IS NOT NULL)
        THEN NULLIF(p.LimitKredytuKupieckiego, 0)
    END AS [credit_limit],
    p.Aktywny AS [active],
    (
        SELECT MIN(g.Grupy_Id) FROM ModelDanychContainer.PodmiotGrupa g WHERE g.Podmioty_Id = p.Id
    ) AS [group.id],
    p.Uwagi AS [remarks]
FROM ModelDanychContainer.Podmioty p
LEFT JOIN ModelDanychContainer.Firmy f ON f.Id = (SELECT MIN(x.Id) FROM ModelDanychContainer.Firmy x WHERE x.Firma_Podmiot_Id = p.Id)
LEFT JOIN ModelDanychContainer.Osoby o ON o.Id = (SELECT MIN(x.Id) FROM ModelDanychContainer.Osoby x WHERE x.Podmiot_Id = p.Id)
LEFT JOIN ModelDanychContainer.Adresy_AdresPodmiotu a1 ON a1.Id = (
    SELECT MIN(x.Id) FROM ModelDanychContainer.Adresy_AdresPodmiotu x WHERE x.PodmiotAdresuPodstawowego_Id = p.Id
)
LEFT JOIN ModelDanychContainer.Adresy b1 ON b1.Id = a1.Id
LEFT JOIN ModelDanychContainer.AdresySzczegoly s1 ON s1.Id = (
    SELECT MIN(x.Id) FROM ModelDanychContainer.AdresySzczegoly x WHERE x.Adres_Id = a1.Id
)
LEFT JOIN ModelDanychContainer.Panstwa c1 ON c1.Id = b1.Panstwo_Id
LEFT JOIN ModelDanychContainer.Adresy_AdresPodmiotu a2 ON a2.Id = (
    SELECT MIN(x.Id) FROM ModelDanychContainer.Adresy_AdresPodmiotu x WHERE x.PodmiotAdresuKorespondencyjnego_Id = p.Id AND x.PodmiotAdresuPodstawowego_Id IS NULL
)
LEFT JOIN ModelDanychContainer.Adresy b2 ON b2.Id = a2.Id
LEFT JOIN ModelDanychContainer.AdresySzczegoly s2 ON s2.Id = (
    SELECT MIN(x.Id) FROM ModelDanychContainer.AdresySzczegoly x WHERE x.Adres_Id = a2.Id
)
LEFT JOIN ModelDanychContainer.Panstwa c2 ON c2.Id = b2.Panstwo_Id
LEFT JOIN ModelDanychContainer.Cenniki l ON l.Id = (SELECT MIN(cx.Id) FROM ModelDanychContainer.Cenniki cx WHERE cx.PoziomCen_Id = p.Podmiot_PoziomCen_Id AND cx.Bazowy = 1)
LEFT JOIN ModelDanychContainer.Waluty w ON w.Id = p.Podmiot_DomyslnaWalutaSprzedazy_Id
LEFT JOIN ModelDanychContainer.Waluty wl ON wl.Id = p.Podmiot_WalutaLimitow_Id
WHERE COALESCE(p.Jednorazowy, 0) = 0
  AND (COALESCE(p.Typ, 0) <> 2 OR COALESCE(p.Podtyp, 0) <> 11)
  AND p.Kontrahent = 1  --? marked
  AND p.Id IN (:ids)  --? ids
  AND p.Sygnatura_PelnaSygnatura IN (:codes)  --? codes
  AND p.Id IN (  --? tax_id
      SELECT t.Id FROM ModelDanychContainer.Podmioty t WHERE t.NIP IN (:tax_id)  --? tax_id
      UNION ALL  --? tax_id
      SELECT t.Id FROM ModelDanychContainer.Podmioty t WHERE t.NIPUE IN (:tax_id)  --? tax_id
      UNION ALL  --? tax_id
      SELECT t.Id FROM ModelDanychContainer.Podmioty t WHERE t.NIPSformatowany IN (:tax_id)  --? tax_id
  )  --? tax_id
  AND (  --? tax_id_country
      COALESCE(NULLIF(p.NIP, ''), p.NIPUE) LIKE '[A-Z]%' OR c1.KodPanstwaUE = :tax_id_country  --? tax_id_country
  )  --? tax_id_country
  AND (  --? text
      p.Sygnatura_PelnaSygnatura LIKE :text ESCAPE '\'  --? text
      OR p.NazwaSkrocona LIKE :text ESCAPE '\'  --? text
      OR f.Nazwa LIKE :text ESCAPE '\'  --? text
      OR o.Nazwisko LIKE :text ESCAPE '\'  --? text
      OR o.Imie LIKE :text ESCAPE '\'  --? text
  )  --? text
  AND EXISTS (  --? group_id
      SELECT 1 FROM ModelDanychContainer.PodmiotGrupa g WHERE g.Podmioty_Id = p.Id AND g.Grupy_Id = :group_id  --? group_id
  )  --? group_id
  AND COALESCE(p.Aktywny, 0) = :active  --? active
  AND (  --? changed_since
      CAST(p.TimeStamp AS bigint) >= :changed_since  --? changed_since
      OR CAST(f.TimeStamp AS bigint) >= :changed_since  --? changed_since
      OR CAST(o.TimeStamp AS bigint) >= :changed_since  --? changed_since
      OR EXISTS (  --? changed_since
          SELECT 1 FROM ModelDanychContainer.Adresy_AdresPodmiotu z  --? changed_since
          JOIN ModelDanychContainer.Adresy za ON za.Id = z.Id  --? changed_since
          LEFT JOIN ModelDanychContainer.AdresySzczegoly zs ON zs.Adres_Id = z.Id  --? changed_since
          WHERE z.Podmiot_Id = p.Id  --? changed_since
            AND (CAST(za.TimeStamp AS bigint) >= :changed_since OR CAST(zs.TimeStamp AS bigint) >= :changed_since)  --? changed_since
      )  --? changed_since
  )  --? changed_since
