"""A whole list into a file, which goes on after a break where it stopped.

Beside `products.csv` stands `products.csv.resume` while the export is under way: the arguments, the token of the next
page, and how far the file was written when the page before was safe on disk.
"""

from __future__ import annotations

import csv
import io
import json
import os
from collections.abc import AsyncIterable, Callable, Iterable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, BinaryIO, Protocol, Self

from google.protobuf.message import Message

from mostek.client.columns import Column, as_json
from mostek.client.fields import BadInput

__all__ = ["Bookmark", "CsvLayout", "Layout", "NdjsonLayout", "write_pages"]


class Layout(Protocol):
    """How items become bytes of a file."""

    def header(self) -> bytes:
        """What stands before the first item."""

    def rows(self, items: Iterable[Message]) -> bytes:
        """The items, each ended by a line feed."""


class CsvLayout:
    """Comma-separated, UTF-8, quoted where needed, with a line of column names."""

    def __init__(self, columns: Sequence[Column]) -> None:
        self._columns = columns

    def header(self) -> bytes:
        return self._lines([[column.path for column in self._columns]])

    def rows(self, items: Iterable[Message]) -> bytes:
        found = (as_json(item) for item in items)
        return self._lines([column.text(item) for column in self._columns] for item in found)

    def _lines(self, rows: Iterable[list[str]]) -> bytes:
        text = io.StringIO()
        csv.writer(text, lineterminator="\n").writerows(rows)
        return text.getvalue().encode()


class NdjsonLayout:
    """One JSON object a line, as the HTTP API writes it."""

    def header(self) -> bytes:
        return b""

    def rows(self, items: Iterable[Message]) -> bytes:
        return b"".join(_json_line(item) for item in items)


def _json_line(item: Message) -> bytes:
    text = json.dumps(as_json(item), ensure_ascii=False, separators=(",", ":"))
    return f"{text}\n".encode()


@dataclass(frozen=True)
class Bookmark:
    """Where an export stands: so many rows in so many bytes, the next page under this token."""

    arguments: Mapping[str, str]
    token: str = ""
    offset: int = 0
    rows: int = 0

    @staticmethod
    def path(output: Path) -> Path:
        """The side file of an output."""
        return output.with_name(output.name + ".resume")

    @classmethod
    def open(cls, output: Path, arguments: Mapping[str, str]) -> Self:
        """Where to go on, or the beginning. Raises BadInput if what lies there is another export's."""
        side = cls.path(output)
        if not side.exists():
            return cls(arguments)
        found = cls._read(side)
        differ = sorted(
            name
            for name in {*found.arguments, *arguments}
            if found.arguments.get(name) != arguments.get(name)
        )
        if differ:
            raise BadInput(
                f"{side} belongs to an export with other arguments ({', '.join(differ)}). "
                "Repeat those, choose another file, or delete it to begin anew."
            )
        if not output.exists() or output.stat().st_size < found.offset:
            raise BadInput(f"{output} is shorter than {side} says: delete {side} to begin anew.")
        return found

    @classmethod
    def _read(cls, side: Path) -> Self:
        try:
            found = cls(**json.loads(side.read_text(encoding="utf-8")))
            if not isinstance(found.arguments, dict) or not isinstance(found.offset, int):
                raise TypeError("wrong types")
        except (ValueError, TypeError) as error:
            raise BadInput(f"{side} can't be read: delete it to begin anew.") from error
        return found

    def save(self, output: Path) -> None:
        """Write the side file, whole or not at all."""
        side = self.path(output)
        new = side.with_name(side.name + ".new")
        new.write_text(json.dumps(asdict(self), ensure_ascii=False), encoding="utf-8")
        new.replace(side)


async def write_pages(
    output: Path,
    start: Bookmark,
    pages: AsyncIterable[Any],
    items: str,
    layout: Layout,
    on_page: Callable[[Any, int], None],
) -> int:
    """Write the items (field `items`) of each page from `start` on; `on_page` gets each page and all rows so far.

    Returns all rows. Whatever breaks it, the side file tells where to go on; at the end it is removed.
    """
    rows = start.rows
    with ExitStack() as closing:
        file: BinaryIO | None = None
        async for page in pages:
            # Only now, so that a call that fails leaves a file of this name as it was.
            file = file or closing.enter_context(_opened(output, start))
            found: Sequence[Message] = getattr(page, items)
            if not file.tell():
                file.write(layout.header())
            file.write(layout.rows(found))
            rows += len(found)
            _made_safe(file)
            if page.next_page_token:
                Bookmark(start.arguments, page.next_page_token, file.tell(), rows).save(output)
            on_page(page, rows)
    Bookmark.path(output).unlink(missing_ok=True)
    return rows


def _opened(output: Path, start: Bookmark) -> BinaryIO:
    """The file, cut to where the last whole page ended."""
    file = output.open("r+b" if start.offset else "wb")
    file.truncate(start.offset)
    file.seek(start.offset)
    return file


def _made_safe(file: BinaryIO) -> None:
    file.flush()
    os.fsync(file.fileno())
