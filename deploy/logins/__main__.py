"""`make logins`: a page for each ERP about its database logins, docs/logins, made of what its plugin's queries name."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

from mostek.connector.companies import load
from mostek.plugin.rights import LoginNames, Rights, logins_script
from mostek.plugin.sql_plugin import SqlPlugin

ROOT = Path(__file__).parents[2]
PAGES = ROOT / "docs" / "logins"
#: Plugins, and their pages in docs/plugins.
ERPS = {
    "subiekt-gt": "subiekt",
    "subiekt-nexo": "subiekt-nexo",
    "optima": "optima",
    "enova365": "enova",
    "wapro-mag": "wapro",
}
CONFIGURATION = """\
[hub]
link = "127.0.0.1:7444"
insecure = true
[connector]
name = "acme"
[companies.acme]
plugin = "{plugin}"
[companies.acme.database]
kind = "mssql"
server = 'SERVER\\ERP'
database = "COMPANY"
login = {{ user = "mostek_read", password = "-" }}
"""
SAID = """\
For the administrator of the SQL Server. The connector reads with a login of its own that may `SELECT` from the tables
below and nothing else; never give it the program's own login or `sa`. Orders are written only where the configuration
asks for it: [by what, and what that needs](../plugins/{about}.md). Print the script for **your** configuration, with
the write login where one is needed, and run it as the server's administrator:

Dla administratora serwera SQL. Konektor czyta własnym loginem, który ma prawo `SELECT` do poniższych tabel i do
niczego więcej; nigdy nie podawaj loginu programu ani `sa`. Zamówienia są zapisywane tylko wtedy, gdy żąda tego
konfiguracja: [czym i czego to wymaga](../plugins/{about}.md). Wydrukuj skrypt dla **swojej** konfiguracji, z loginem
do zapisu, jeśli jest potrzebny, i uruchom go jako administrator serwera:

```
mostek-connector-launcher connector logins > logins.sql
sqlcmd -S SERVER -E -i logins.sql -v READ_PASSWORD="…"
```

`logins --columns` grants single columns instead of tables; `doctor` says what is missing, and what a login may do that
it should not. / `logins --columns` daje prawa do kolumn zamiast do tabel; `doctor` powie, czego brakuje i jakich praw
jest za dużo.
"""


def page(name: str) -> str:
    """The page of a plugin, for a company that it only reads."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "connector.toml"
        file.write_text(CONFIGURATION.format(plugin=name), encoding="utf-8")
        [company] = load(file)[1]
        plugin = company.plugin
        assert isinstance(plugin, SqlPlugin)
        return "\n".join(_page(plugin, ERPS[name])) + "\n"


def _page(plugin: SqlPlugin, about: str) -> Iterator[str]:
    rights = plugin.rights()
    yield f"# {plugin.erp}: database logins / loginy do bazy"
    yield ""
    yield SAID.format(about=about)
    yield "## What is read / Co jest czytane"
    yield ""
    yield "| table / tabela | columns / kolumny |"
    yield "|---|---|"
    yield from _tables(rights)
    yield ""
    yield "## The script for reading alone / Skrypt tylko do odczytu"
    yield ""
    yield "```sql"
    yield logins_script(rights, LoginNames("COMPANY")).rstrip()
    yield "```"


def _tables(rights: Rights) -> Iterator[str]:
    for table in sorted({*rights.reads, *rights.read_tables, *rights.write.columns}):
        columns = rights.reads.get(table) or rights.write.columns.get(table) or frozenset()
        named = ", ".join(f"`{column}`" for column in sorted(columns))
        yield f"| `{table}` | {named or 'looked up for orders / sprawdzane przy zamówieniach'} |"


def main() -> None:
    PAGES.mkdir(parents=True, exist_ok=True)
    for name in ERPS:
        (PAGES / f"{name}.md").write_text(page(name), encoding="utf-8")
        print(f"docs/logins/{name}.md")


if __name__ == "__main__":
    main()
