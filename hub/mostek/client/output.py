"""What the command shows: tables for people, JSON for programs, failures on stderr."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from google.protobuf.message import Message
from rich.console import Console
from rich.table import Table

from mostek.admin.v1.admin_service_pb2 import Connector, ConnectorCompany, ConnectorSession
from mostek.client.columns import as_json
from mostek.client.paging import item_field
from mostek.link.v1.failure_pb2 import FailureKind
from mostek.wire.failures import CommandFailure

__all__ = [
    "connectors_table",
    "fit",
    "show",
    "show_failure",
    "show_message",
    "software_of",
    "table",
    "unavailable",
]

#: Widest cell of a list, in characters.
WIDEST = 32


def show(data: Any, tables: Iterable[Table | str], *, as_text: bool) -> None:
    """Tables if stdout is a terminal, else, or if asked for, the data as JSON."""
    console = Console()
    if as_text or not console.is_terminal:
        print(json.dumps(data, ensure_ascii=False, indent=2))
        return
    for part in tables:
        console.print(part, markup=False, highlight=False)


def show_message(message: Message, *, as_text: bool) -> None:
    """A response: its list if it is one, else its fields and the lists in it."""
    data = as_json(message)
    show(data, _tables(message, data), as_text=as_text)


def show_failure(failure: CommandFailure) -> None:
    """One line with kind and message, one for each violation, one for the command's id, on stderr."""
    console = Console(stderr=True, soft_wrap=True, highlight=False, markup=False)
    kind = FailureKind.Name(failure.kind).removeprefix("FAILURE_KIND_")
    told = [f"{violation.field}: {violation.description}" for violation in failure.violations]
    many = len(told) > 1 and failure.message == "; ".join(told)
    message = f"{len(told)} fields are not as they must be." if many else failure.message
    console.print(f"{kind}: {message}")
    for line in told:
        if line != message:
            console.print(f"  {line}")
    if failure.erp_text:
        console.print(f"  the ERP says: {failure.erp_text}")
    if failure.command_id:
        console.print(f"  command {failure.command_id}")


def table(names: Sequence[str], rows: Iterable[Sequence[str]], title: str | None = None) -> Table:
    """Rows under a heading."""
    made = Table(*names, title=title, title_justify="left", box=None, header_style="bold")
    for row in rows:
        made.add_row(*row)
    return made


def connectors_table(connectors: Iterable[Connector]) -> Table:
    """A line for each company of each connector."""
    names = (
        *("name", "online", "software", "company"),
        *("ERP", "version", "operations", "drift", "round trip"),
    )
    return table(names, (row for connector in connectors for row in _connector_rows(connector)))


def _connector_rows(connector: Connector) -> Iterator[tuple[str, ...]]:
    trips = [s.round_trip.ToTimedelta() for s in connector.sessions if s.HasField("round_trip")]
    trip = f"{min(trips).total_seconds() * 1000:.1f} ms" if trips else ""
    online = "yes" if connector.online else "no"
    software = ", ".join(sorted({software_of(session) for session in connector.sessions}))
    for company in connector.companies or [ConnectorCompany()]:
        yield (
            connector.name,
            online,
            software,
            company.name,
            company.erp or company.plugin,
            company.erp_version,
            str(len(company.operations) or ""),
            "; ".join(company.drift),
            trip,
        )


def software_of(session: ConnectorSession) -> str:
    """The version of a connector, marked if it is older than the hub's."""
    return f"{session.software} (outdated)" if session.outdated else session.software


def _tables(message: Message, data: Mapping[str, Any]) -> Iterator[Table | str]:
    try:
        field = item_field(message).name
    except LookupError:
        yield from _single(data)
        return
    yield from _list(data.get(field, []), Console().width)
    if token := data.get("next_page_token"):
        yield f"There is more: page_token={token}"
    yield from unavailable(data)


def _single(data: Mapping[str, Any]) -> Iterator[Table | str]:
    flat = dict(_flat(data))
    scalars = [(name, value) for name, value in flat.items() if not isinstance(value, list)]
    if scalars:
        yield table(("field", "value"), ((name, _cell(value)) for name, value in scalars))
    for name, value in flat.items():
        if isinstance(value, list) and name != "unavailable_fields":
            yield from _list(value, Console().width, title=name)
    yield from unavailable(data)


def unavailable(data: Mapping[str, Any]) -> list[str]:
    """A line that names the fields which the response has in no item, and why; none if it has all."""
    fields = data.get("unavailable_fields", [])
    told = (f"{f['path']} ({f['reason'].rpartition('_')[2].lower()})" for f in fields)
    return [f"Not available: {', '.join(told)}"] if fields else []


def _list(items: Sequence[Any], width: int, title: str | None = None) -> Iterator[Table | str]:
    rows = [dict(_flat(i)) if isinstance(i, dict) else {"": i} for i in items]
    if not rows:
        yield "None found."
        return
    shown, hidden = fit(rows, width)
    made = table((), (), title)
    for name in shown:
        made.add_column(name, no_wrap=True, overflow="ellipsis", max_width=WIDEST)
    for row in rows:
        made.add_row(*(_cell(row.get(name)) for name in shown))
    yield made
    if hidden:
        yield f"Also: {', '.join(hidden)} (all with --json)"


def fit(rows: Sequence[Mapping[str, Any]], width: int) -> tuple[list[str], list[str]]:
    """The columns with any value, in the contract's order: those that fit into the width, and the rest."""
    shown: list[str] = []
    names = list(dict.fromkeys(name for row in rows for name in row))
    for index, name in enumerate(names):
        longest = max(len(_cell(row.get(name))) for row in rows)
        width -= min(max(longest, len(name)), WIDEST) + 2
        if width < 0 and shown:
            return shown, names[index:]
        shown.append(name)
    return shown, []


def _flat(data: Mapping[str, Any], before: str = "") -> Iterator[tuple[str, Any]]:
    for name, value in data.items():
        if isinstance(value, dict):
            yield from _flat(value, f"{before}{name}.")
        else:
            yield before + name, value


def _cell(value: Any) -> str:
    match value:
        case None:
            return ""
        case bool():
            return "yes" if value else "no"
        case [*values] if all(isinstance(v, str) for v in values):
            return ", ".join(values)
        case [*values]:
            return f"[{len(values)}]"
        case _:
            # Line feeds would break the row, escapes the terminal.
            return "".join(c if c.isprintable() else " " for c in str(value))
