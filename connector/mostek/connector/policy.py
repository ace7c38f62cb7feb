"""What may leave the site, and what may be done there: asked before a command and of what it answers."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable, Mapping
from datetime import date, datetime, time
from typing import Any
from zoneinfo import ZoneInfo

from google.protobuf.descriptor import Descriptor
from google.protobuf.message import Message

from mostek.connector.policy_config import CompanyPolicyConfig, PolicyConfig
from mostek.erp.v1.erp_pb2 import DescribeErpResponse
from mostek.wire.failures import CommandFailure, Denied
from mostek.wire.fields import RECORDS, DeniedFields, identities, roots
from mostek.wire.operations import OPERATIONS, Operation

__all__ = ["INTERACTIVE_ROWS", "Clock", "CompanyPolicy", "Policy", "is_list", "rows_of"]

#: A first page of more rows than this is an export, as is every further page.
INTERACTIVE_ROWS = 200
_PAGE_SIZE = 200
_NO_WRITES = "writes = false"
_ASK = "ask the site's administrator"
#: Sets of fields that commands deny besides, as remembered.
_SETS = 256
_SITE = ZoneInfo("Europe/Warsaw")
#: The time in a zone.
Clock = Callable[[ZoneInfo], datetime]


class Policy:
    """The site's decisions, company by company. `zones`: the time zone of each company."""

    def __init__(
        self,
        config: PolicyConfig,
        zones: Mapping[str, ZoneInfo] | None = None,
        clock: Clock = datetime.now,
    ) -> None:
        self._config = config
        self._zones = zones or {}
        self._clock = clock
        self._companies: dict[str, CompanyPolicy] = {}

    def of(self, company: str) -> CompanyPolicy:
        """What holds for a company."""
        found = self._companies.get(company)
        if found is None:
            zone = self._zones.get(company, _SITE)
            found = CompanyPolicy(self._config.of(company), zone, self._clock)
            self._companies[company] = found
        return found

    def mute(self, failure: CommandFailure) -> None:
        """Take the ERP's own words out of a failure, unless the site shares them."""
        if not self._config.share_error_text:
            failure.erp_text = ""


class CompanyPolicy:
    """What the site decides for one company. Thread-safe: it does not change."""

    def __init__(self, config: CompanyPolicyConfig, zone: ZoneInfo, clock: Clock) -> None:
        self.config = config
        self._zone = zone
        self._clock = clock
        self._named = DeniedFields(config.deny)
        self.denied = _denied(config)
        self._with = functools.lru_cache(_SETS)(self.denied.__or__)

    def fields(self, denied: Iterable[str] = ()) -> DeniedFields:
        """The fields that are denied, with those that a command denies besides."""
        more = frozenset(denied)
        return self._with(more) if more else self.denied

    def allows(self, operation: Operation) -> bool:
        """Whether the operation may be run at all."""
        return not self.why_not(operation)

    def why_not(self, operation: Operation) -> str:
        """Which line of the policy does not allow an operation; empty if it is allowed."""
        config = self.config
        if operation.name in config.deny_operations:
            return f"deny_operations: {operation.name}"
        if config.operations is None and operation.name not in config.of_preset.operations:
            return f"not in preset {config.preset}"
        if config.operations is not None and operation.name not in config.operations:
            return "not in operations"
        return _NO_WRITES if operation.write and not config.writes else ""

    def check(self, operation: Operation, caller: str) -> None:
        """Raise Denied for an operation or a caller that the site does not allow."""
        if line := self.why_not(operation):
            raise Denied(
                f"The site allows no writes, so {operation.name} is refused; its administrator can set "
                "policy.writes = true."
                if line == _NO_WRITES
                else f"The site's policy does not allow {operation.name} ({line}); {_ASK} to allow it."
            )
        callers = self.config.callers
        if callers is not None and caller not in callers:
            named = f"{caller!r} is not one of them" if caller else "the hub named none"
            raise Denied(
                f"The site answers only the callers that its policy names, and {named}; {_ASK} to add it to "
                "policy.callers."
            )

    def prune(self, response: Any, denied: DeniedFields, request: Any) -> None:
        """Take out of a response what may not leave, whatever the plugin put there."""
        if isinstance(response, DescribeErpResponse):
            kept = [
                n for n in response.erp.operations if n in OPERATIONS and self.allows(OPERATIONS[n])
            ]
            if len(kept) < len(response.erp.operations):
                response.erp.operations[:] = kept
        denied.prune(response, getattr(request, "list", ""))

    def limit(self, operation: Operation, request: Any) -> int:
        """Make a page as small as the site wants it; how many rows may leave with it at most.

        Raises Denied for an export out of hours.
        """
        if operation.write or operation.name == "DescribeErp":
            return 0
        if not is_list(operation):
            return 1
        self._check_hours(request)
        wanted: int = request.page_size or _PAGE_SIZE
        most = min(wanted, self.config.page_rows or wanted)
        if most < wanted:
            request.page_size = most
        return most

    def _check_hours(self, request: Any) -> None:
        hours = self.config.hours
        if hours is None or not (request.page_token or request.page_size > INTERACTIVE_ROWS):
            return
        begin, end = hours
        if not _within(self._clock(self._zone).time(), begin, end):
            raise Denied(
                f"The site lets exports run {self.config.export_hours} ({self._zone.key}) only; "
                f"a first page of up to {INTERACTIVE_ROWS} rows can be had at any time."
            )

    def today(self) -> date:
        """The company's day, by which rows are counted."""
        return self._clock(self._zone).date()

    def spent(self) -> Denied:
        """The failure of a read when the day's rows have left."""
        return Denied(
            f"The {self.config.day_rows} rows a day that the site's policy lets leave are spent; they count anew from "
            f"midnight there ({self._zone.key}). Its administrator can raise policy.day_rows."
        )

    def rule(self, path: str) -> str:
        """Which line of the policy keeps a field back; empty if none does."""
        if self._named.covers(path):
            found = [one for one in self.config.deny if DeniedFields([one]).covers(path)]
            return f"deny: {', '.join(found)}"
        if not self.denied.covers(path):
            return ""
        return "not in allow" if self.config.of_preset.fields is None else self._not_in_preset()

    def _not_in_preset(self) -> str:
        also = " or allow" if self.config.allow else ""
        return f"not in preset {self.config.preset}{also}"


def is_list(operation: Operation) -> bool:
    """Whether it answers page by page."""
    return "page_size" in operation.request.DESCRIPTOR.fields_by_name


def rows_of(operation: Operation, response: Message) -> int:
    """The rows that a read's response holds: a list's items; one of any other."""
    if not is_list(operation):
        return 1
    items = next(f for f in response.DESCRIPTOR.fields if f.is_repeated and f.message_type)
    return len(getattr(response, items.name))


def _within(now: time, begin: time, end: time) -> bool:
    """Whether it is that time of the day; a span may go over midnight, and from an hour to itself is the whole day."""
    return begin <= now < end if begin < end else not end <= now < begin


def _denied(config: CompanyPolicyConfig) -> DeniedFields:
    """The denied fields of a company: what is not on a list of allowed ones, and what is denied by name."""
    preset = config.of_preset.fields
    allowed = frozenset((*(preset or ()), *config.allow))
    named = {path.split(".")[0] for path in config.allow}
    limited = named if preset is None else {*roots(), RECORDS}
    paths: set[str] = set()
    kept: set[str] = set()
    for message, descriptor in roots().items():
        if message in limited and message not in allowed:
            _deny_others(descriptor, message, allowed | identities(), paths, kept)
    if RECORDS in limited and RECORDS not in allowed:
        paths.add(RECORDS)
        kept.update(path for path in allowed if path.startswith(f"{RECORDS}."))
    return DeniedFields(paths, kept) | config.deny


def _deny_others(
    descriptor: Descriptor, path: str, allowed: frozenset[str], paths: set[str], kept: set[str]
) -> None:
    """Deny what is neither allowed nor has something allowed in it."""
    for field in descriptor.fields:
        here = f"{path}.{field.name}"
        if here in allowed:
            continue
        below = {one for one in allowed if one.startswith(f"{here}.")}
        if below and field.message_type is not None and not _is_map(field.message_type):
            _deny_others(field.message_type, here, allowed, paths, kept)
        else:
            paths.add(here)
            kept |= below


def _is_map(descriptor: Descriptor) -> bool:
    return bool(descriptor.GetOptions().map_entry)
