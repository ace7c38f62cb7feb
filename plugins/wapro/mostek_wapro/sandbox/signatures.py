"""The parameters of the sandbox's procedures: what `sys.parameters` would tell, for one generation of the program."""

from __future__ import annotations

import csv
import sqlite3
from collections.abc import Iterator
from importlib.resources import files

from mostek_wapro.orders.emulated import PARAMETERS_TABLE

__all__ = ["GENERATIONS", "add_parameters"]

GENERATIONS = ("2019", "2022", "2026")
#: Names that nobody knows. They are invented, so that a sandbox's calls can't rest on them.
_OUTPUTS = ("", "suma_netto", "suma_brutto", "suma_netto_wal", "suma_brutto_wal")
_INVENTED = "nowy_parametr"
_TYPES = {
    **dict.fromkeys(("uwagi", "informacjedodatkowe"), "varchar(1000)"),
    **dict.fromkeys(
        ("formaplatnosci", "numerprzesylki", "format_num", "num_format"), "varchar(50)"
    ),
    **dict.fromkeys(("numer", "nr_zam_klienta"), "varchar(30)"),
    **dict.fromkeys(("nr_serii", "typ_transkacji_transgranicznej"), "varchar(50)"),
    **dict.fromkeys(("cena_netto", "cena_brutto", "zaliczka"), "decimal(14,4)"),
    **dict.fromkeys(("zamowiono", "do_rezerwacji", "zrealizowano"), "decimal(16,6)"),
    "opis": "varchar(500)",
    "jednostka": "varchar(10)",
    "kod_vat": "char(3)",
    "brutto_netto": "char(6)",
    "sym_wal": "varchar(3)",
    "znacznik_ceny": "char(1)",
    "osobazamawiajaca": "varchar(101)",
}


def add_parameters(connection: sqlite3.Connection, generation: str) -> None:
    """Make and fill the table. ValueError for a generation that is not known."""
    if generation not in GENERATIONS:
        raise ValueError(f"procedures are known of {', '.join(GENERATIONS)}, not of {generation}")
    connection.execute(
        f"CREATE TABLE dbo.{PARAMETERS_TABLE} (procedure TEXT, position INTEGER, parameter TEXT,"
        " output INTEGER, type TEXT, meaning TEXT)"
    )
    connection.executemany(
        f"INSERT INTO dbo.{PARAMETERS_TABLE} VALUES (?, ?, ?, ?, ?, ?)",
        list(_rows(generation)),
    )


def _rows(generation: str) -> Iterator[tuple[str, int, str, int, str, str]]:
    text = (files("mostek_wapro") / "data" / "wapro-mag-procedures.csv").read_text("utf-8")
    for row in csv.DictReader(text.splitlines()):
        position, output = int(row["position"]), row["direction"] == "out"
        named = row["parameter"].removeprefix("@")
        name = named or (_OUTPUTS[position - 1] if output else _INVENTED)
        # Called by the program of 2026 as by that of 2022.
        later = row["procedure"].startswith("JL_") and row["version"] == "2022"
        if row["version"] == generation or (later and generation == "2026"):
            kind = _TYPES.get(name.lower(), "decimal(18,6)" if output else "numeric(18,0)")
            yield row["procedure"], position, f"@{name}", int(output), kind, name.lower()
