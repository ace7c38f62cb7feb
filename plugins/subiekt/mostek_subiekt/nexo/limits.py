"""Where Subiekt nexo holds less than the contract allows: lengths of its columns."""

from __future__ import annotations

__all__ = ["COLUMNS", "SCALES"]

_O = "ModelDanychContainer"
COLUMNS = {
    "OrderDraft.external_number": f"{_O}.Dokumenty.NumerZewnetrzny",
    "OrderDraft.remarks": f"{_O}.Dokumenty.Uwagi",
    "OrderDraft.buyer.code": f"{_O}.Podmioty.Sygnatura_PelnaSygnatura",
    "OrderDraft.recipient.code": f"{_O}.Podmioty.Sygnatura_PelnaSygnatura",
    "OrderDraft.lines.remark": f"{_O}.PozycjeDokumentu.Opis",
    "OrderDraft.lines.product.code": f"{_O}.Asortymenty.Symbol",
    "OrderDraft.lines.product.ean": f"{_O}.KodyKreskowe.Kod",
}
#: Digits after the point that a quantity has.
SCALES = {"OrderDraft.lines.quantity": 4}
