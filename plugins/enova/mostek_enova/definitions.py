"""Which definitions of documents (DefDokHandlowych) make what: ids differ from site to site, so they are looked up."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, fields

from mostek.plugin.catalogue import Catalogue
from mostek.plugin.database import Database
from mostek.plugin.plugin import Context
from mostek_enova.config import DefinitionsConfig

__all__ = ["Definitions"]

_SELECT = "SELECT f.ID, f.Symbol, {fiscal} FROM dbo.DefDokHandlowych f WHERE f.Kategoria = 2"
_TABLE, _FISCAL = "dbo.DefDokHandlowych", "Fiskalizowany"
#: An id that no row has, for an IN list that is to find nothing.
_NONE = (-1,)


@dataclass(frozen=True)
class Definitions:
    """Ids of the definitions of sales documents that are no plain invoices; where there are none, of none."""

    receipt: Sequence[int] = _NONE
    proforma: Sequence[int] = _NONE
    advance: Sequence[int] = _NONE
    final: Sequence[int] = _NONE
    margin: Sequence[int] = _NONE

    @classmethod
    def read(cls, database: Database, config: DefinitionsConfig, context: Context) -> Definitions:
        catalogue: Catalogue = database.catalogue()
        has_flag = catalogue.has(_TABLE, _FISCAL)
        sql = _SELECT.format(fiscal=f"f.{_FISCAL}" if has_flag else "0")
        with database.reading(context) as session:
            rows = [(int(r[0]), str(r[1] or "").rstrip(), bool(r[2])) for r in session.fetch(sql)]
        chosen = {
            field.name: _ids(rows, getattr(config, field.name) or ()) for field in fields(cls)
        }
        if config.receipt is None:
            fiscal = [number for number, symbol, printed in rows if printed or symbol == "PAR"]
            chosen["receipt"] = fiscal or _NONE
        return cls(**chosen)

    @property
    def hidden(self) -> list[int]:
        """Those that a list of invoices leaves out unless they are asked for."""
        return [*self.receipt, *self.proforma]


def _ids(rows: Sequence[tuple[int, str, bool]], symbols: Collection[str]) -> Sequence[int]:
    wanted = {symbol.rstrip().casefold() for symbol in symbols}
    return [number for number, symbol, _ in rows if symbol.casefold() in wanted] or _NONE
