"""`mostek export`: which list, in which layout, with progress for who watches."""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from rich.console import Console
from rich.progress import Progress, ProgressColumn, Task, TextColumn, TimeElapsedColumn
from rich.text import Text

from mostek.client.client import Connector
from mostek.client.columns import Column, as_json, columns, record_columns
from mostek.client.export import Bookmark, CsvLayout, Layout, NdjsonLayout, write_pages
from mostek.client.fields import BadInput, assign, did_you_mean
from mostek.client.output import unavailable
from mostek.client.paging import item_field, pages
from mostek.client.shell import connect
from mostek.erp.v1.erp_pb2 import DescribeErpRequest
from mostek.erp.v1.record_pb2 import ListRecordsRequest
from mostek.wire.failures import CommandFailure
from mostek.wire.operations import OPERATIONS, Operation, snake

__all__ = ["ExportFormat", "Source", "run_export"]

#: The contract's largest page, so that an export takes few calls.
PAGE_SIZE = 1000


class ExportFormat(StrEnum):
    """How the file is written."""

    CSV = "csv"
    NDJSON = "ndjson"


SUFFIXES = {
    ".csv": ExportFormat.CSV,
    ".ndjson": ExportFormat.NDJSON,
    ".jsonl": ExportFormat.NDJSON,
}


@dataclass(frozen=True)
class Source:
    """What is exported, as it was typed."""

    hub: str
    connector: str
    company: str
    timeout: float
    name: str
    filters: Sequence[str]
    mask: str


async def run_export(source: Source, output: Path, format: ExportFormat | None) -> None:
    """Export, or go on with it. Raises BadInput, CommandFailure, OSError."""
    operation = _list_named(source.name)
    request = _request(operation, source)
    written = format or _format_of(output)
    if not output.parent.is_dir():
        raise BadInput(f"There is no folder {output.parent}.")
    start = Bookmark.open(output, _arguments(source, operation, request, written))
    if start.token:
        request.page_token = start.token
    async with connect(source.hub, source.timeout) as client:
        connector = client.connector(source.connector, source.company)
        layout = await _layout(connector, operation, request, written)
        with Watched(output, start.rows) as watched:
            found = pages(getattr(connector, operation.name), request, on_retry=watched.on_retry)
            items = item_field(operation.response).name
            await write_pages(output, start, found, items, layout, watched.on_page)


def _list_named(name: str) -> Operation:
    """`products` → ListProducts."""
    lists = {
        snake(operation.name).removeprefix("list_"): operation
        for operation in OPERATIONS.values()
        if operation.name.startswith("List")
    }
    wanted = snake(name).removeprefix("list_")
    if wanted not in lists:
        hint = did_you_mean(wanted, lists) or f" Lists are {', '.join(lists)}."
        raise BadInput(f"There is no list {name}.{hint}")
    return lists[wanted]


def _request(operation: Operation, source: Source) -> Any:
    request: Any = operation.request()
    for text in source.filters:
        assign(request, text)
    if source.mask:
        assign(request, f"read_mask={source.mask}")
    if not request.HasField("page_size"):
        request.page_size = PAGE_SIZE
    return request


def _format_of(output: Path) -> ExportFormat:
    if output.suffix not in SUFFIXES:
        raise BadInput(
            f"{output} does not tell its format: end it in .csv or .ndjson, or --format."
        )
    return SUFFIXES[output.suffix]


def _arguments(
    source: Source, operation: Operation, request: Any, format: ExportFormat
) -> dict[str, str]:
    """What has to be the same for an export to go on."""
    asked = {name: json.dumps(value) for name, value in as_json(request).items()}
    return {
        **asked,
        "hub": source.hub,
        "connector": source.connector,
        "company": source.company,
        "operation": operation.name,
        "format": format,
    }


async def _layout(
    connector: Connector, operation: Operation, request: Any, format: ExportFormat
) -> Layout:
    if format is ExportFormat.NDJSON:
        return NdjsonLayout()
    if isinstance(request, ListRecordsRequest):
        return CsvLayout(await _record_columns(connector, request))
    item = item_field(operation.response).message_type
    assert item is not None
    return CsvLayout(columns(item, request.read_mask.paths))


async def _record_columns(connector: Connector, request: ListRecordsRequest) -> list[Column]:
    """Those of the mask, else those that the site's list has."""
    if request.read_mask.paths:
        return record_columns(request.read_mask.paths)
    erp = (await connector.DescribeErp(DescribeErpRequest())).erp
    lists = {known.name: known for known in erp.record_lists}
    if request.list not in lists:
        hint = did_you_mean(request.list, lists) or f" It has {', '.join(lists) or 'none'}."
        raise BadInput(f"The site has no list {request.list!r}: name one with list=NAME.{hint}")
    return record_columns(lists[request.list].columns)


class Watched:
    """Tells on stderr how far the export is: live on a terminal, and what came of it at the end."""

    def __init__(self, output: Path, rows: int) -> None:
        self._output = output
        self._before = self._rows = rows
        self._started = time.monotonic()
        self._missing: list[str] = []
        self._console = Console(stderr=True, soft_wrap=True, highlight=False, markup=False)
        self._progress = Progress(
            TextColumn(output.name),
            RowsColumn(),
            TimeElapsedColumn(),
            console=self._console,
            transient=True,
            disable=not self._console.is_terminal,
        )
        self._bar = self._progress.add_task("", total=None, completed=rows)

    def on_page(self, page: Any, rows: int) -> None:
        """A page is safe on disk."""
        self._rows = rows
        self._missing = unavailable(as_json(page)) if page.unavailable_fields else self._missing
        self._progress.update(self._bar, completed=rows)

    def on_retry(self, failure: CommandFailure, seconds: float) -> None:
        """A page is asked for again."""
        self._console.print(f"{failure.message} Trying again in {seconds:.1f} s.")

    def __enter__(self) -> Self:
        if self._before:
            self._console.print(f"Going on after {self._before:,} rows.")
        self._progress.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._progress.stop()
        if error is None:
            self._tell_end()
        elif Bookmark.path(self._output).exists():
            rows = f"{self._rows:,} rows are in {self._output}"
            self._console.print(f"{rows}; the same command goes on from there.")

    def _tell_end(self) -> None:
        seconds = time.monotonic() - self._started
        rate = (self._rows - self._before) / max(seconds, 0.001)
        told = f"{self._rows:,} rows in {self._output}, {seconds:.1f} s, {rate:,.0f} rows/s"
        self._console.print("\n".join([told, *self._missing]))


class RowsColumn(ProgressColumn):
    """Rows so far, and their rate."""

    def render(self, task: Task) -> Text:
        return Text(f"{task.completed:,.0f} rows  {task.speed or 0:,.0f} rows/s")
