"""`[policy]` of the configuration: what the site allows, checked against the contract."""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import time
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator

from mostek.connector.presets import PRESETS, Preset
from mostek.wire.fields import RECORDS, identities, roots, unknown_paths
from mostek.wire.operations import OPERATIONS

__all__ = ["CompanyPolicyConfig", "Hours", "PolicyConfig"]

_HOURS = re.compile(r"([01]\d|2[0-3]):([0-5]\d)-([01]\d|2[0-3]):([0-5]\d)")

Hours = tuple[time, time]


class CompanyPolicyConfig(BaseModel):
    """`[policy.companies.NAME]`: what is different for one company; what is not given is as in `[policy]`."""

    model_config = ConfigDict(extra="forbid")

    preset: Literal["least", "orders", "all"] = "all"
    #: Whether operations that change the ERP are allowed.
    writes: bool = False
    #: The operations that are allowed, in place of the preset's. None: the preset's.
    operations: list[str] | None = None
    #: Operations that are not allowed, whatever else says so.
    deny_operations: list[str] = []
    #: Fields that leave besides the preset's, `Customer.phone`, or `Product` for all of it. With the preset `all`: of
    #: the messages that are named here only these fields.
    allow: list[str] = []
    #: Fields that never leave the site, each led by its message: `Customer.pesel`, `Invoice.lines`. Wins over `allow`.
    deny: list[str] = ["Customer.pesel"]
    #: Names of callers, as the hub states them. None: whoever the hub lets in.
    callers: list[str] | None = None
    #: Most rows of one page; larger pages come smaller.
    page_rows: int | None = Field(default=None, ge=1, le=1000)
    #: Most rows that leave in a day of the site, of all callers together.
    day_rows: int | None = Field(default=None, ge=1)
    #: `18:00-06:00`, in the company's time zone: when lists may be followed beyond their first page.
    export_hours: str | None = None

    @field_validator("operations", "deny_operations")
    @classmethod
    def _operations(cls, names: list[str] | None) -> list[str] | None:
        if unknown := [name for name in names or () if name not in OPERATIONS]:
            raise ValueError(f"{_quoted(unknown)}: no operation; there are {', '.join(OPERATIONS)}")
        return names

    @field_validator("deny")
    @classmethod
    def _deny(cls, paths: list[str]) -> list[str]:
        if unknown := unknown_paths(paths):
            raise ValueError(f"{_quoted(unknown)}: no field of the contract; {_possible(unknown)}")
        if fixed := sorted(identities() & set(paths)):
            raise ValueError(
                f"{_quoted(fixed)} can't be denied, because items and pages are named by it; "
                "deny the operations that return it (deny_operations)"
            )
        return paths

    @field_validator("allow")
    @classmethod
    def _allow(cls, paths: list[str]) -> list[str]:
        known = {*roots(), RECORDS}
        wrong = [
            path
            for path in paths
            if path.split(".")[0] not in known or ("." in path and unknown_paths([path]))
        ]
        if wrong:
            raise ValueError(
                f"{_quoted(wrong)}: no field of {', '.join(sorted(known))}; {_possible(wrong)}"
            )
        return paths

    @field_validator("export_hours")
    @classmethod
    def _hours(cls, hours: str | None) -> str | None:
        if hours is not None and not _HOURS.fullmatch(hours):
            raise ValueError("must be from-to, e.g. 18:00-06:00")
        return hours

    @property
    def hours(self) -> Hours | None:
        """When exports may run."""
        if self.export_hours is None:
            return None
        begin, end = self.export_hours.split("-")
        return time.fromisoformat(begin), time.fromisoformat(end)

    @property
    def of_preset(self) -> Preset:
        """What the preset allows."""
        return PRESETS[self.preset]


class PolicyConfig(CompanyPolicyConfig):
    """`[policy]`: what the site allows."""

    #: Whether the ERP's own error text may leave the site.
    share_error_text: bool = False
    companies: dict[str, CompanyPolicyConfig] = {}

    def of(self, company: str) -> CompanyPolicyConfig:
        """What holds for one company."""
        given: dict[str, Any] = self.model_dump(exclude={"share_error_text", "companies"})
        own = self.companies.get(company)
        if own is not None:
            given |= own.model_dump(exclude_unset=True)
        return CompanyPolicyConfig.model_validate(given)


def _quoted(names: Iterable[str]) -> str:
    return ", ".join(map(repr, names))


def _possible(paths: list[str]) -> str:
    """What could have been meant by the first of them: the fields of the message that it gets to."""
    message, *steps = paths[0].split(".")
    if message == RECORDS:
        return f"write {RECORDS}.list or {RECORDS}.list.column"
    descriptor = roots().get(message)
    if descriptor is None:
        return "write e.g. Customer.phone"
    for step in steps:
        field = descriptor.fields_by_name.get(step)
        if field is None or field.message_type is None:
            break
        descriptor = field.message_type
    return f"{descriptor.name} has {', '.join(descriptor.fields_by_name)}"
