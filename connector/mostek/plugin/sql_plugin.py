"""`SqlPlugin`: what a plugin inherits that reads its ERP with query files."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from datetime import date, datetime
from functools import partial
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Any, ClassVar, Self, TypeVar

from google.protobuf.message import Message
from pydantic import BaseModel, ConfigDict, Field, ValidationInfo, field_validator

from mostek.erp.v1 import options_pb2
from mostek.erp.v1.record_pb2 import ListRecordsRequest, ListRecordsResponse
from mostek.plugin.conversion import Converter
from mostek.plugin.database import Database, open_database
from mostek.plugin.database_config import DatabaseConfig
from mostek.plugin.fields import Kind
from mostek.plugin.paging import decode_token, encode_token, request_fingerprint
from mostek.plugin.plugin import Context, Plugin, SettingError, Site
from mostek.plugin.query import AdaptedQuery, DriftNote, Query, QueryFolder
from mostek.plugin.query_file import QueryError
from mostek.plugin.records import RECORDS, load_records, record_filters
from mostek.plugin.rights import Rights, WriteRights, by_table
from mostek.plugin.site_parts import feeds_of, site_parts
from mostek.wire.failures import Drift, NotFound

__all__ = ["SqlConfig", "SqlPlugin"]

R = TypeVar("R", bound=Message)

_PAGE_SIZE = 200
_NO_FILTERS = frozenset({"id", "page_size", "page_token", "read_mask"})


class SqlConfig(BaseModel):
    """The configuration of a SQL plugin; a plugin's own extends it.

    `queries` is a folder of the site, beside the configuration's file: a file there replaces the plugin's of that name,
    and its `records/<name>.sql` are lists of the site's own. `attributes` adds entries to the attributes of what a
    query reads, by SQL expression, and `rows` limits what it sees:

        [attributes.customers]
        region = "k.kh_Pole1"

        [rows]
        customers = "k.kh_IdGrupa IN (1, 2)"
    """

    model_config = ConfigDict(extra="forbid")

    database: DatabaseConfig
    queries: Path | None = None
    attributes: dict[str, dict[str, str]] = Field(default_factory=dict)
    rows: dict[str, str] = Field(default_factory=dict)

    @field_validator("queries")
    @classmethod
    def _is_there(cls, value: Path | None, info: ValidationInfo) -> Path | None:
        """A path beside the configuration's file. One that is misspelt would have the site's own files passed over."""
        if value is None:
            return None
        folder: Path = (info.context or {}).get("folder", Path())
        if not (folder / value).is_dir():
            raise ValueError(f"there is no folder {folder / value}")
        return folder / value

    def with_attributes(self, added: Mapping[str, Mapping[str, str]], table: str) -> Self:
        """With further attributes, which the table of that name configures. ValueError for one that is there twice."""
        both = {query: dict(found) for query, found in self.attributes.items()}
        for query, found in added.items():
            for name in sorted(both.get(query, {}).keys() & found.keys()):
                where = f"{name} is both in attributes.{query} and {table}.{query}"
                raise SettingError((table, query, name), where)
            both[query] = both.get(query, {}) | dict(found)
        return self.model_copy(update={"attributes": both})


class SqlPlugin(Plugin):
    """A plugin whose reads are query files (`query_file.py` tells what is in them). An operation is a line:

        class Subiekt(SqlPlugin):
            folder = files("mostek_subiekt") / "queries"
            messages = {"customers": Customer}

            def list_customers(self, request, context):
                return self.page("customers", request, context, ListCustomersResponse())

            def get_customer(self, request, context):
                return self.one("customers", request, context, GetCustomerResponse())

    Making one reads and checks the files; QueryError and ValueError say what is wrong, before anything is connected.
    """

    config_type: ClassVar[type[BaseModel]] = SqlConfig
    #: Where the plugin's query files are.
    folder: ClassVar[Traversable]
    #: Query → the message that it feeds.
    messages: ClassVar[Mapping[str, type[Message]]] = {}

    def __init__(self, config: SqlConfig, site: Site) -> None:
        super().__init__(config, site)
        self.database: Database = open_database(config.database)
        self.queries = self._load(config)
        self.records = load_records(config.queries, site.zone, self.converters())
        self._tell_site_parts()
        self._adapted: dict[str, AdaptedQuery] = {}

    def converters(self) -> Mapping[str, Converter]:
        """The functions that the query files name, for fields and for parameters. Called when the files are read."""
        return {}

    def now(self) -> datetime:
        """This moment in the site's zone."""
        return datetime.now(self.site.zone)

    def today(self) -> date:
        """The site's day."""
        return self.now().date()

    def write_rights(self) -> WriteRights:
        """What the plugin's writes need of the database, as it is configured; for its two logins."""
        return WriteRights(frozenset())

    def rights(self) -> Rights:
        """What the plugin needs of the database: every column that a query names, and what its writes need."""
        queries = [*self.queries.values(), *self.records.values()]
        columns = (column for query in queries for part in query.parts for column in part.columns())
        return Rights(by_table(columns), self.write_rights())

    # What a plugin's operations call.

    def page(
        self, query: str, request: Message, context: Context, response: R, **filters: Any
    ) -> R:
        """Fill a list response with the page that the request asks for.

        The filters are those fields of the request that are present, by their names. `filters` adds some or replaces
        them: None for one that the plugin has dealt with, [] for one that nothing matches. A filter that the query's
        files do not know is refused as Unsupported: it is never passed over.
        """
        given: Any = request
        bound_to = request_fingerprint(context.operation, context.company, request)
        after = decode_token(given.page_token, bound_to) if given.page_token else None
        adapted = self.adapted(query)
        last, unavailable = self._read(
            adapted,
            context,
            into=_repeated(response, adapted.query.message_type),
            size=given.page_size or _PAGE_SIZE,
            after=after,
            mask=_mask(request),
            filters={**_filters_of(request), **filters},
            ids=_id_fields(request),
        )
        return _finished(response, unavailable, encode_token(bound_to, last) if last else None)

    def one(self, query: str, request: Message, context: Context, response: R, **filters: Any) -> R:
        """Fill a get response with the one item that the filters find: `ids=[request.id]` if none are given.

        Raises NotFound.
        """
        given: Any = request
        adapted = self.adapted(query)
        wanted = filters or {"ids": [given.id]}
        found = _Items(adapted.query.message_type)
        _, unavailable = self._read(
            adapted,
            context,
            into=found,
            size=1,
            mask=_mask(request),
            filters=wanted,
            ids=frozenset(wanted),
        )
        if not found:
            raise NotFound(
                f"There is no {adapted.query.message} with this id, or the site's policy hides it."
            )
        _singular(response, adapted.query.message_type).CopyFrom(found[0])
        return _finished(response, unavailable, None)

    def list_records(self, request: ListRecordsRequest, context: Context) -> ListRecordsResponse:
        """A page of a list that the site defined."""
        if request.list not in self.records:
            shown = (n for n, q in self.records.items() if not context.denied.hides(q.message))
            known = ", ".join(sorted(shown)) or "none"
            raise NotFound(f"The site has no list of this name; it has {known}.")
        query = f"{RECORDS}{request.list}"
        given = record_filters(self.records[request.list], request.parameters)
        nothing = dict.fromkeys(("list", "parameters"))
        return self.page(query, request, context, ListRecordsResponse(), **{**given, **nothing})

    def adapted(self, query: str) -> AdaptedQuery:
        """A query as the database at hand can run it."""
        if not self._adapted:
            self.open()
        return self._adapted[query]

    def drift_notes(self) -> list[DriftNote]:
        """What the database lacks of what the query files name."""
        return [note for query in self._adapted.values() for note in query.drift]

    # What the connector calls.

    def open(self) -> None:
        """Read the database's columns anew, and adapt the queries to them."""
        catalogue = self.database.catalogue(refresh=True)
        lists = {f"{RECORDS}{name}": query for name, query in self.records.items()}
        self._adapted = {
            name: query.adapt(catalogue) for name, query in {**self.queries, **lists}.items()
        }

    def close(self) -> None:
        self.database.close()

    def schema(self) -> str:
        tables = {table for query in self.queries.values() for table in query.tables}
        return self.database.catalogue().fingerprint(tables)

    def own_fields(self) -> frozenset[str]:
        attributes = (
            f"{query.message}.{path}"
            for query in self.queries.values()
            for part in query.parts
            for path in part.fed
            if part.prefix == "" and query.root.find(path).kind is Kind.MAP  # type: ignore[union-attr]
        )
        columns = (
            f"{query.message}.{name}"
            for query in self.records.values()
            for name in query.root.children
        )
        return frozenset((*attributes, *columns))

    def drift(self) -> list[str]:
        return [note.message for note in self.drift_notes()]

    def _load(self, config: SqlConfig) -> dict[str, Query]:
        tables: Mapping[str, Mapping[str, Any]] = {
            "attributes": config.attributes,
            "rows": config.rows,
        }
        for table, found in tables.items():
            for name in sorted(found.keys() - self.messages.keys()):
                known = ", ".join(self.messages)
                raise SettingError((table, name), f"there is no query {name}; there are {known}")
        folder = QueryFolder(self.folder, config.queries)
        converters = self.converters()
        queries = {}
        for name, message in self.messages.items():
            load = partial(
                Query.load, folder, name, message, zone=self.site.zone, converters=converters
            )
            queries[name] = _with_settings(
                load, name, config.attributes.get(name, {}), config.rows.get(name)
            )
        return queries

    def _tell_site_parts(self) -> None:
        """Find out what the site's own lists, attributes and queries show of what the policy may keep back."""
        plain = {
            name: Query.load(
                QueryFolder(self.folder),
                name,
                message,
                zone=self.site.zone,
                converters=self.converters(),
            )
            for name, message in self.messages.items()
        }
        feeds = feeds_of(plain.values())
        for name, query in self.queries.items():
            self.queries[name] = replace(query, site=site_parts(query, feeds, plain[name]))
        for name, query in self.records.items():
            self.records[name] = replace(query, site=site_parts(query, feeds))

    def _read(
        self, adapted: AdaptedQuery, context: Context, **wanted: Any
    ) -> tuple[str | None, Any]:
        try:
            return adapted.page(self.database, context, **wanted)
        except Drift:
            # The ERP may have been updated since the columns were read: the next call sees it as it is now.
            self.open()
            raise


def _with_settings(
    load: Callable[..., Query], name: str, attributes: Mapping[str, str], rows: str | None
) -> Query:
    """A query with the site's attributes and condition. Raises SettingError for the one of them that is wrong."""
    try:
        return load(attributes=attributes, rows=rows)
    except QueryError:
        load()
        for attribute, sql in attributes.items():
            with _blaming("attributes", name, attribute):
                load(attributes={attribute: sql})
        with _blaming("rows", name):
            load(rows=rows)
        raise


@contextmanager
def _blaming(*path: str) -> Iterator[None]:
    try:
        yield
    except QueryError as error:
        raise SettingError(path, str(error)) from None


class _Items(list[Any]):
    """Messages of one type, in the shape of a repeated field."""

    def __init__(self, message: type[Message]) -> None:
        super().__init__()
        self._message = message

    def add(self) -> Message:
        self.append(self._message())
        return self[-1]  # type: ignore[no-any-return]


def _mask(request: Any) -> list[str] | None:
    return list(request.read_mask.paths) if request.HasField("read_mask") else None


def _filters_of(request: Message) -> dict[str, Any]:
    return {
        field.name: list(value) if field.is_repeated else value
        for field, value in request.ListFields()
        if field.name not in _NO_FILTERS and value != ""
    }


def _id_fields(request: Message) -> frozenset[str]:
    return frozenset(
        field.name
        for field in request.DESCRIPTOR.fields
        if field.GetOptions().Extensions[options_pb2.rule].format == options_pb2.FORMAT_ID
    )


def _repeated(response: Message, message: type[Message]) -> Any:
    return getattr(response, _field_of(response, message, repeated=True))


def _singular(response: Message, message: type[Message]) -> Any:
    return getattr(response, _field_of(response, message, repeated=False))


def _field_of(response: Message, message: type[Message], *, repeated: bool) -> str:
    return next(
        field.name
        for field in response.DESCRIPTOR.fields
        if field.is_repeated is repeated
        and field.message_type
        and field.message_type.full_name == message.DESCRIPTOR.full_name
    )


def _finished(response: R, unavailable: Any, token: str | None) -> R:
    filled: Any = response
    filled.unavailable_fields.extend(unavailable)
    if token:
        filled.next_page_token = token
    return response
