"""`mostek-connector enroll`: what it leaves at the site, the identity's files and a configuration to fill in."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

from mostek.connector.companies import installed_plugins
from mostek.connector.config import read_toml
from mostek.connector.enrolment import Enrolled, enroll
from mostek.connector.identity import write_private
from mostek.wire.trust import EnrolmentToken

__all__ = ["SiteError", "configuration", "set_up"]

_CONFIGURATION = """\
# Written by `mostek-connector enroll` on {day}. `mostek-connector check` says what is missing or wrong.

[hub]
link = {link}
api = {api}
{proxy}
[connector]
# The name that the certificate carries.
name = {name}
# Key, certificate, outcomes of writes and the journal are here: back it up, and keep it to the connector's account.
state = "state"

[policy]
# What may leave this site: "least", "orders" or "all". `mostek-connector policy explain` shows it on a record.
preset = "all"
# Whether operations that change the ERP are allowed, and fields that never leave.
writes = false
deny = ["Customer.pesel"]

# The ERP's companies, a table for each; the plugin's page has its settings. Installed here: {plugins}.
# Take the signs away and fill in:
#
# [companies.main]
# plugin = {plugin}
#
# [companies.main.database]
# kind = "mssql"
# server = 'SERVER\\INSERTGT'
# database = "COMPANY"
"""


class SiteError(Exception):
    """This site can't be set up; the message says what to do. The token was not used."""


def set_up(
    token: EnrolmentToken, file: Path, *, proxy: str, ca_bundle: Path | None, force: bool
) -> Iterator[str]:
    """Enrol, and leave what was given in the files that the configuration names; what to tell, line by line.

    Raises SiteError, ConfigError, ApiError, IdentityError.
    """
    identity, authorities, known = _files(file)
    if identity.exists() and not force:
        raise SiteError(
            f"{identity} is there already: this connector is enrolled. With --force its key is replaced, and it "
            "becomes another instance."
        )
    pending = identity.with_name(identity.name + ".pending")
    try:
        # What can't be written must show before the token is used up.
        write_private(pending, b"")
    except OSError as error:
        raise SiteError(f"{error.filename} can't be written: {error.strerror}.") from None
    try:
        enrolled = enroll(token, proxy=proxy, ca_bundle=ca_bundle)
        write_private(authorities, enrolled.authorities)
        write_private(identity, enrolled.identity.pem)
    except OSError as error:
        raise SiteError(
            f"{error.filename} can't be written: {error.strerror}. The token is used up: ask for another."
        ) from None
    finally:
        pending.unlink(missing_ok=True)
    of = enrolled.identity.id
    yield f"Enrolled as connector {of.connector} of tenant {of.tenant}, instance {of.instance}."
    yield f"Its key and certificate are in {identity}."
    if known:
        yield from _differences(file, known, enrolled)
    else:
        # The administrator will put passwords into it.
        write_private(file, configuration(enrolled, proxy).encode())
        yield f"{file} is to be filled in: the companies of the ERP. Then: mostek-connector check"


def _files(file: Path) -> tuple[Path, Path, dict[str, Any]]:
    """Where identity and authorities go, and what the configuration says if there is one. Raises ConfigError."""
    known = read_toml(file)[0] if file.exists() else {}
    hub, state = _table(known, "hub"), _table(known, "connector").get("state", "state")
    folder = file.parent
    identity = folder / str(hub.get("identity") or Path(str(state)) / "identity.pem")
    authorities = folder / str(hub.get("ca") or Path(str(state)) / "hub-ca.pem")
    return identity, authorities, known


def _table(data: dict[str, Any], name: str) -> dict[str, Any]:
    table = data.get(name)
    return table if isinstance(table, dict) else {}


def _differences(file: Path, known: dict[str, Any], enrolled: Enrolled) -> Iterator[str]:
    """What the configuration that is there should say instead."""
    wanted = {
        "hub": {"link": enrolled.link, "api": enrolled.api},
        "connector": {"name": enrolled.identity.id.connector},
    }
    lines = [
        f"  [{table}] {name} = {json.dumps(value)}"
        for table, values in wanted.items()
        for name, value in values.items()
        if _table(known, table).get(name) != value
    ]
    if lines or _table(known, "hub").get("insecure"):
        yield f"{file} was there and is as it was; it must say:"
        yield from lines
    if _table(known, "hub").get("insecure"):
        yield "  [hub] without insecure"


def configuration(enrolled: Enrolled, proxy: str) -> str:
    """A configuration whose companies are to be filled in."""
    plugins = sorted(installed_plugins())
    return _CONFIGURATION.format(
        day=date.today().isoformat(),
        link=json.dumps(enrolled.link),
        api=json.dumps(enrolled.api),
        proxy=f"proxy = {json.dumps(proxy)}\n" if proxy else "",
        name=json.dumps(enrolled.identity.id.connector),
        plugins=", ".join(plugins) or "none",
        plugin=json.dumps(plugins[0] if plugins else "…"),
    )
