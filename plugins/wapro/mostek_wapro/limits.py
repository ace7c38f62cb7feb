"""Where WAPRO Mag holds less than the contract allows: lengths of its columns."""

from __future__ import annotations

__all__ = ["COLUMNS", "SCALES"]

_ADDRESS = {
    "postal_code": "KOD_POCZTOWY",
    "city": "MIEJSCOWOSC",
    "county": "POWIAT",
    "voivodeship": "WOJEWODZTWO",
}
COLUMNS = {
    "OrderDraft.external_number": "dbo.ZAMOWIENIE.NR_ZAMOWIENIA_KLIENTA",
    "OrderDraft.remarks": "dbo.ZAMOWIENIE.UWAGI",
    "OrderDraft.lines.unit": "dbo.POZYCJA_ZAMOWIENIA.JEDNOSTKA",
    "OrderDraft.lines.remark": "dbo.POZYCJA_ZAMOWIENIA.OPIS",
    "OrderDraft.lines.product.code": "dbo.ARTYKUL.INDEKS_KATALOGOWY",
    "OrderDraft.lines.product.ean": "dbo.ARTYKUL.KOD_KRESKOWY",
    "CustomerDraft.name": "dbo.KONTRAHENT.NAZWA",
    "CustomerDraft.full_name": "dbo.KONTRAHENT.NAZWA_PELNA",
    "CustomerDraft.tax_id": "dbo.KONTRAHENT.NIP",
    "CustomerDraft.email": "dbo.KONTRAHENT.ADRES_EMAIL",
    "CustomerDraft.phone": "dbo.KONTRAHENT.TELEFON_FIRMOWY",
    "CustomerDraft.remarks": "dbo.KONTRAHENT.UWAGI",
    **{
        f"CustomerDraft.address.{part}": f"dbo.KONTRAHENT.{name}" for part, name in _ADDRESS.items()
    },
    **{
        f"CustomerDraft.correspondence_address.{part}": f"dbo.KONTRAHENT.{name}_KOR"
        for part, name in _ADDRESS.items()
    },
}
#: Digits after the point that are counted with.
SCALES = {"OrderDraft.lines.quantity": 4}
