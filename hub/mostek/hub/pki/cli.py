"""`mostek-hub connectors` and `mostek-hub ca`."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, TypeVar

import typer

from mostek.hub.audit import Audit
from mostek.hub.config import HubConfig, split_address
from mostek.hub.console import settings, with_store
from mostek.hub.hub import keyring
from mostek.hub.identity import LOCAL, ConnectorId
from mostek.hub.pki.authority import Authority, AuthorityError, bundle
from mostek.hub.pki.enrolment import PublicAddresses
from mostek.hub.pki.server import CertificateFileError
from mostek.hub.pki.tls import Tls
from mostek.hub.store import AuditStore, AuthorityRecord, KeyStore, Store
from mostek.wire.names import NAME

__all__ = ["ca", "connectors"]

T = TypeVar("T")

connectors = typer.Typer(no_args_is_help=True, help="Connectors: who may enrol, and who no longer.")
ca = typer.Typer(no_args_is_help=True, help="The hub's certificate authorities.")

_BY = "mostek-hub"
Name = Annotated[str, typer.Argument(help="The connector's name.")]
Tenant = Annotated[str, typer.Option(help="Whose connector it is.")]


@connectors.command("add")
def add(
    name: Name,
    tenant: Tenant = LOCAL.tenant,
    valid_for: Annotated[int, typer.Option(min=1, max=7 * 24 * 60, help="Minutes.")] = 60,
) -> None:
    """Make a token by which a site enrols as this connector, once."""
    if not NAME.fullmatch(name):
        raise SystemExit("mostek-hub: the name must be lower-case letters, digits and dashes")
    config = settings()

    async def make(tls: Tls) -> str:
        tls.enrolment.addresses = _public(config)
        token, _ = await tls.enrolment.token(ConnectorId(tenant, name), valid_for * 60.0, _BY)
        return token.text

    print(_with_tls(config, make, tenant))
    typer.echo(
        f"It is valid once, for {valid_for} minutes. At the site: mostek-connector enroll TOKEN",
        err=True,
    )


def _public(config: HubConfig) -> PublicAddresses:
    public = PublicAddresses(config.public_http or config.http, config.public_link or config.link)
    for name, address in public.__dict__.items():
        if split_address(address)[1] == 0:
            raise SystemExit(f"mostek-hub: set MOSTEK_HUB_PUBLIC_{name.upper()} to what sites dial")
    return public


@connectors.command("revoke")
def revoke(
    name: Name,
    tenant: Tenant = LOCAL.tenant,
    instance: Annotated[str, typer.Option(help="One instance of it.")] = "",
    certificate: Annotated[str, typer.Option(help="One certificate, by its serial number.")] = "",
) -> None:
    """Let a connector in no longer; open streams are cut."""

    async def do(tls: Tls) -> int:
        return await tls.enrolment.revoke(ConnectorId(tenant, name), instance, certificate, _BY)

    count = _with_tls(settings(), do, tenant)
    print(f"{count} certificates of {name} of tenant {tenant} were revoked.")
    if not count:
        typer.echo(
            "None was valid. If another was meant: --tenant names whose it is, `mostek-hub tenants list` has them.",
            err=True,
        )


@connectors.command("list")
def list_(name: Name, tenant: Tenant = LOCAL.tenant) -> None:
    """The certificates that were issued to a connector, the newest first."""

    async def read(tls: Tls) -> list[str]:
        issued = await tls.enrolment.certificates(ConnectorId(tenant, name))
        return [
            f"{each.serial}  {each.instance}  {_day(each.issued_at)} to {_day(each.expires_at)}"
            + ("  revoked" if revoked else "")
            for each, revoked in issued
        ]

    for line in _with_tls(settings(), read, tenant):
        print(line)


@ca.command("list")
def list_authorities() -> None:
    """The authorities that are trusted, the one that signs first, with their certificates that have not expired."""

    async def read(tls: Tls) -> list[str]:
        count = await tls.trust.store.unexpired(time.time())
        return [
            f"{each.name}  until {each.certificate.not_valid_after_utc:%Y-%m-%d}"
            + f"  {count.get(each.name, 0)} certificates"
            + ("" if number else "  signs")
            for number, each in enumerate(tls.trust.authorities)
        ]

    for line in _with_tls(settings(), read):
        print(line)


@ca.command()
def show() -> None:
    """The authorities' certificates, PEM, for callers to trust."""

    async def read(tls: Tls) -> str:
        return bundle(tls.trust.authorities)

    print(_with_tls(settings(), read), end="")


@ca.command()
def rotate() -> None:
    """Make a new authority, which signs from now on; the ones before stay trusted until they are retired."""
    _add(lambda: Authority.made(time.time()))


@ca.command("import")
def import_(
    certificate: Annotated[Path, typer.Argument(help="PEM, self-signed, for this hub alone.")],
    key: Annotated[Path, typer.Argument(help="PEM, without a password.")],
) -> None:
    """Let an authority of yours sign from now on; the ones before stay trusted until they are retired."""

    def brought() -> Authority:
        try:
            return Authority.brought(certificate.read_bytes(), key.read_bytes())
        except (OSError, AuthorityError) as error:
            raise SystemExit(f"mostek-hub: {error}") from None

    _add(brought)


def _add(make: Callable[[], Authority]) -> None:
    added = make()

    def record(known: list[AuthorityRecord]) -> AuthorityRecord:
        now = time.time()
        return added.certified_by([Authority.stored(each) for each in known], now).record(now)

    async def do(tls: Tls) -> None:
        try:
            await tls.trust.store.add_authority(record, _BY)
        except ValueError as error:
            raise SystemExit(f"mostek-hub: {error}") from None

    _with_tls(settings(), do)
    print(f"{added.name} signs from now on.")


@ca.command()
def retire(
    name: Annotated[str, typer.Argument(help="As `ca list` names it.")],
    yes: Annotated[bool, typer.Option(help="Although connectors have to enrol again.")] = False,
) -> None:
    """Trust an authority no longer. Connectors that still have a certificate of it are cut off and must enrol again."""

    async def do(tls: Tls) -> str:
        count = (await tls.trust.store.unexpired(time.time())).get(name, 0)
        if count and not yes:
            raise SystemExit(
                f"mostek-hub: {count} of its certificates have not expired. Their connectors renew by themselves "
                "within half of their life; --yes retires it all the same."
            )
        if not await tls.trust.store.retire_authority(name, time.time(), _BY):
            raise SystemExit(f"mostek-hub: {name} is none of the authorities, or the only one.")
        return f"{name} is not trusted any more."

    print(_with_tls(settings(), do))


def _with_tls(config: HubConfig, work: Callable[[Tls], Awaitable[T]], tenant: str = "") -> T:
    """Do something with the hub's certificates; for a tenant, if one is named, that must be there."""
    if config.insecure:
        raise SystemExit("mostek-hub: MOSTEK_HUB_INSECURE is set: there are no certificates")

    async def opened(store: Store) -> T:
        if tenant and not await KeyStore(store).has_tenant(tenant):
            raise SystemExit(f"mostek-hub: there is no tenant {tenant}")
        try:
            tls = await Tls.opened(config, store, keyring(config), Audit(AuditStore(store)))
        except CertificateFileError as error:
            raise SystemExit(f"mostek-hub: {error}") from None
        return await work(tls)

    return with_store(opened, instead="use its API, such as POST /v1/connectors,")


def _day(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%d")
