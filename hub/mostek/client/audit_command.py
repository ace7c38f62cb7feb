"""`mostek audit`: the hub's audit as a file, and whether a site's journal tells the same."""

from __future__ import annotations

import sys
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import orjson
import typer
from google.protobuf.json_format import MessageToDict

from mostek.admin.v1 import admin_service_pb2 as admin
from mostek.client.audit import NotMatchable, compare, read_lines
from mostek.client.shell import DEFAULT_HUB, Hub, connect, done, refuse

__all__ = ["audit"]

audit = typer.Typer(
    help="What was done, and by whom; needs a key with the scope admin.", no_args_is_help=True
)

_KIND = "AUDIT_KIND_"


@audit.command("export")
def export_audit(
    connector: Annotated[str, typer.Option(help="Only of this connector.")] = "",
    kind: Annotated[
        list[str] | None, typer.Option(help="Only of this kind, e.g. refusal; may be repeated.")
    ] = None,
    since: Annotated[datetime | None, typer.Option(help="From this moment on, UTC.")] = None,
    until: Annotated[datetime | None, typer.Option(help="Before this moment, UTC.")] = None,
    tenant: Annotated[str, typer.Option(help="Whose, for operators; - is the hub itself.")] = "",
    hub: Hub = DEFAULT_HUB,
) -> None:
    """Write the audit as NDJSON: one entry a line, the oldest first."""
    request = admin.ListAuditEntriesRequest(page_size=1000, kinds=map(_kind, kind or []))
    for name, value in (("connector", connector), ("tenant", tenant)):
        if value:
            setattr(request, name, value)
    for name, moment in (("since", since), ("until", until)):
        if moment is not None:
            getattr(request, name).FromDatetime(moment.replace(tzinfo=UTC))

    async def write() -> None:
        async for entry in _entries(hub, request):
            sys.stdout.buffer.write(orjson.dumps(entry) + b"\n")

    done(write())


@audit.command("match")
def match_audit(
    journal: Annotated[
        list[Path],
        typer.Argument(
            metavar="JOURNAL...",
            help="The site's journal, from `mostek-connector journal export`; of each instance.",
        ),
    ],
    connector: Annotated[str, typer.Option(help="The connector whose journal it is.")] = "",
    file: Annotated[
        Path | None, typer.Option("--audit", help="The hub's audit in a file, instead of the hub.")
    ] = None,
    hub: Hub = DEFAULT_HUB,
) -> None:
    """Tell in what a site's journal and the hub's audit differ. Exits with 1 if they do."""
    try:
        told = [entry for one in journal for entry in read_lines(_lines(one), str(one))]
        if file is None:
            if not connector:
                refuse("Name the --connector whose journal it is.")
            request = admin.ListAuditEntriesRequest(page_size=1000, connector=connector)
            known = done(_all(hub, request))
        else:
            entries = read_lines(_lines(file), str(file))
            known = [e for e in entries if not connector or e.get("connector") == connector]
        found = compare(told, known)
    except NotMatchable as wrong:
        refuse(str(wrong))
    for difference in found:
        print(f"{difference.command_id}\t{difference.text}")
    print(f"{len(told)} entries of the journal, {len(found)} differences", file=sys.stderr)
    if found:
        raise typer.Exit(1)


def _lines(file: Path) -> list[str]:
    try:
        return file.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8"
        raise NotMatchable(f"{file} can't be read: {reason}.") from None


async def _all(hub: str, request: admin.ListAuditEntriesRequest) -> list[dict[str, Any]]:
    return [entry async for entry in _entries(hub, request)]


async def _entries(
    hub: str, request: admin.ListAuditEntriesRequest
) -> AsyncIterator[dict[str, Any]]:
    async with connect(hub) as client:
        while True:
            page = await client.admin.ListAuditEntries(request)
            for entry in page.audit_entries:
                yield MessageToDict(entry, preserving_proto_field_name=True)
            if not page.next_page_token:
                return
            request.page_token = page.next_page_token


def _kind(name: str) -> admin.AuditKind.ValueType:
    kinds = {
        admin.AuditKind.Name(kind).removeprefix(_KIND).lower(): kind
        for kind in admin.AuditKind.values()
        if kind
    }
    if name.lower() not in kinds:
        refuse(f"{name} is no kind of entry; there are {', '.join(kinds)}.")
    return kinds[name.lower()]
