"""What the hub keeps of who may connect. Each method is one transaction and raises StoreError, as those of `Store`."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, NamedTuple, TypeVar

from sqlalchemy import ColumnElement, Row, and_, func, insert, select, text, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection

from mostek.hub.identity import HUB, ConnectorId
from mostek.hub.keyring import Keyring, Sealed
from mostek.hub.store.records import (
    AuditEntry,
    AuditKind,
    AuthorityRecord,
    CertificateRecord,
    Revocation,
)
from mostek.hub.store.rows import add_entries
from mostek.hub.store.store import Store
from mostek.hub.store.tables import authority, certificate, connector, enrolment, revocation

__all__ = [
    "SITE",
    "KeyUsed",
    "NotEnrolled",
    "Revoked",
    "TrustStore",
    "Version",
]

T = TypeVar("T")

#: Who enrols and renews, in the audit.
SITE = "site"
#: Names the lock under which authorities are added.
_AUTHORITIES = "authorities"


class NotEnrolled(Exception):
    """The token gives no right to enrol; `reason` is for the audit alone."""

    def __init__(self, reason: str, of: ConnectorId | None) -> None:
        super().__init__(reason)
        self.reason = reason
        self.of = of


class Revoked(Exception):
    """The certificate is revoked."""


class KeyUsed(Exception):
    """A certificate was issued for this key before."""


class Version(NamedTuple):
    """Is another one when authorities or revocations are."""

    revocations: int
    newest_revocation: int
    authorities: int
    retired: int


class TrustStore:
    """Authorities, tokens, certificates and revocations of a store."""

    def __init__(self, store: Store, keyring: Keyring) -> None:
        self._store = store
        self._keyring = keyring

    async def version(self) -> Version:
        """To be asked often."""
        # The count shows also a row whose transaction ended after that of a later number.
        revoked = select(func.count(), func.coalesce(func.max(revocation.c.number), 0))
        signing = select(func.count(), func.count(authority.c.retired_at))

        async def read(connection: AsyncConnection) -> Version:
            first = (await connection.execute(revoked)).one()
            second = (await connection.execute(signing)).one()
            return Version(first[0], first[1], second[0], second[1])

        return await self._store.do(read)

    async def revocations(self) -> list[Revocation]:
        """All of them."""

        async def read(connection: AsyncConnection) -> list[Revocation]:
            rows = await connection.execute(select(revocation))
            return [
                Revocation(ConnectorId(r.tenant, r.connector), r.instance, r.serial, r.until)
                for r in rows
            ]

        return await self._store.do(read)

    async def authorities(self) -> list[AuthorityRecord]:
        """Those that were not retired, the newest first. Raises KeyFileError."""

        async def read(connection: AsyncConnection) -> list[AuthorityRecord]:
            return await self._authorities(connection)

        return await self._store.do(read)

    async def _authorities(self, connection: AsyncConnection) -> list[AuthorityRecord]:
        query = select(authority).where(authority.c.retired_at.is_(None))
        rows = await connection.execute(query.order_by(authority.c.number.desc()))
        return [
            AuthorityRecord(
                row.name,
                row.certificate,
                row.crosses,
                self._keyring.open(Sealed(row.key_key, row.key), _about(row.name)),
                row.added_at,
            )
            for row in rows
        ]

    async def add_authority(
        self, make: Callable[[list[AuthorityRecord]], AuthorityRecord | None], by: str
    ) -> list[AuthorityRecord]:
        """Add what `make` makes of those that there are, if anything; all that there are then. Raises ValueError."""

        async def change(connection: AsyncConnection) -> list[AuthorityRecord]:
            await _alone(connection, _AUTHORITIES)
            made = make(await self._authorities(connection))
            if made is not None:
                sealed = self._keyring.seal(made.key, _about(made.name))
                values = {name: getattr(made, name) for name in _AUTHORITY_COLUMNS}
                values |= {"key": sealed.data, "key_key": sealed.key_id}
                await connection.execute(insert(authority).values(values))
                hub = ConnectorId(HUB, "")
                entry = _entry(hub, made.added_at, by, "Add authority", "ok", made.name)
                await add_entries(connection, [entry])
            return await self._authorities(connection)

        try:
            return await self._store.do(change)
        except IntegrityError:
            raise ValueError("this authority is or was one of the hub's already") from None

    async def retire_authority(self, name: str, at: float, by: str) -> bool:
        """Trust an authority no longer and forget its key; False: there is none of the name, or no other is left."""
        live = authority.c.retired_at.is_(None)

        async def change(connection: AsyncConnection) -> bool:
            await _alone(connection, _AUTHORITIES)
            others = select(func.count()).where(live, authority.c.name != name)
            if not (await connection.execute(others)).scalar_one():
                return False
            gone = {"retired_at": at, "key": b"", "key_key": ""}
            same = update(authority).where(live, authority.c.name == name)
            if not (await connection.execute(same.values(gone))).rowcount:
                return False
            entry = _entry(ConnectorId(HUB, ""), at, by, "Retire authority", "ok", name)
            await add_entries(connection, [entry])
            return True

        return await self._store.do(change)

    async def reencrypt(self) -> int:
        """Encrypt the authorities' keys that were encrypted with another key than the current one; how many."""
        other = and_(authority.c.key_key != "", authority.c.key_key != self._keyring.current)

        async def change(connection: AsyncConnection) -> int:
            rows = (await connection.execute(select(authority).where(other))).all()
            for row in rows:
                about = _about(row.name)
                opened = self._keyring.open(Sealed(row.key_key, row.key), about)
                sealed = self._keyring.seal(opened, about)
                values = {"key": sealed.data, "key_key": sealed.key_id}
                same = update(authority).where(authority.c.number == row.number)
                await connection.execute(same.values(values))
            return len(rows)

        return await self._store.do(change)

    async def add_token(
        self, token: bytes, of: ConnectorId, at: float, expires_at: float, by: str
    ) -> None:
        """A site may enrol as this connector, which is known from now on. `token`: the hash of the secret."""
        values = {"token": token, "added_at": at, "expires_at": expires_at}
        values |= {"tenant": of.tenant, "connector": of.name}

        async def change(connection: AsyncConnection) -> None:
            await _alone(connection, *of)
            known = select(connector.c.name).where(_is(connector, of))
            if (await connection.execute(known)).first() is None:
                row = of._asdict() | {"status": b"", "changed_at": at}
                await connection.execute(insert(connector).values(row))
            await connection.execute(insert(enrolment).values(values))
            await add_entries(connection, [_entry(of, at, by, "CreateConnector", "ok")])

        await self._store.do(change)

    async def enrol(
        self,
        token: bytes,
        at: float,
        peer: str,
        issue: Callable[[ConnectorId, int], CertificateRecord],
    ) -> CertificateRecord:
        """Use a token up and record the certificate that `issue` makes for its connector, issued at a whole second.

        Raises NotEnrolled (it is kept, and takes as long, whatever the reason is), KeyUsed.
        """
        named = select(enrolment).where(enrolment.c.token == token)
        right = and_(
            enrolment.c.token == token,
            enrolment.c.used_at.is_(None),
            enrolment.c.expires_at > at,
        )

        async def change(connection: AsyncConnection) -> CertificateRecord | NotEnrolled:
            row = (await connection.execute(named)).one_or_none()
            used = await connection.execute(update(enrolment).where(right).values(used_at=at))
            if row is None:
                return await _refused(connection, None, at, peer, "unknown")
            of = ConnectorId(row.tenant, row.connector)
            if not used.rowcount:
                # Another transaction may have used it since the row was read.
                reason = "expired" if row.expires_at <= at else "used"
                return await _refused(connection, of, at, peer, reason)
            return await _issue(connection, of, at, peer, issue)

        done = await self._add(change)
        if isinstance(done, NotEnrolled):
            raise done
        return done

    async def renew(
        self,
        held: CertificateRecord,
        at: float,
        peer: str,
        issue: Callable[[ConnectorId, int], CertificateRecord],
    ) -> CertificateRecord:
        """Record the certificate that `issue` makes to follow another. Raises Revoked, KeyUsed."""

        async def change(connection: AsyncConnection) -> CertificateRecord:
            return await _issue(connection, held.of, at, peer, issue, held)

        return await self._add(change)

    async def _add(self, change: Callable[[AsyncConnection], Awaitable[T]]) -> T:
        try:
            return await self._store.do(change)
        except IntegrityError:
            raise KeyUsed from None

    async def revoke(self, of: ConnectorId, instance: str, serial: str, at: float, by: str) -> int:
        """Revoke what is valid of a connector, of one instance or one certificate if named, and its tokens; how many
        certificates."""

        async def change(connection: AsyncConnection) -> int:
            await _alone(connection, *of)
            known = await _certificates(connection, of)
            until = max([int(at), *(each.issued_at for each in known)])
            made = Revocation(of, instance, serial, until)
            values = {"tenant": of.tenant, "connector": of.name, "instance": instance}
            before = [r for r in await _revocations(connection, of)]
            await connection.execute(
                insert(revocation).values(values | {"serial": serial, "until": until})
            )
            if not instance and not serial:
                unused = and_(_names(enrolment, of), enrolment.c.used_at.is_(None))
                await connection.execute(update(enrolment).where(unused).values(used_at=at))
            fresh = [each for each in known if not any(r.covers(each) for r in before)]
            count = sum(made.covers(each) and each.expires_at > at for each in fresh)
            what = " ".join(filter(None, (instance, serial))) or "all"
            detail = f"{what}: {count} certificates"
            await add_entries(connection, [_entry(of, at, by, "RevokeConnector", "ok", detail)])
            return count

        return await self._store.do(change)

    async def certificates(self, of: ConnectorId) -> list[CertificateRecord]:
        """What was issued to a connector, the newest first."""
        return await self._store.do(lambda connection: _certificates(connection, of))

    async def revocations_of(self, of: ConnectorId) -> list[Revocation]:
        """Those of a connector."""
        return await self._store.do(lambda connection: _revocations(connection, of))

    async def unexpired(self, at: float) -> dict[str, int]:
        """How many certificates of each authority have not expired, revoked or not."""
        query = select(certificate.c.authority, func.count()).where(certificate.c.expires_at > at)

        async def read(connection: AsyncConnection) -> dict[str, int]:
            rows = await connection.execute(query.group_by(certificate.c.authority))
            return {name: count for name, count in rows}

        return await self._store.do(read)


_AUTHORITY_COLUMNS = ("name", "certificate", "crosses", "added_at")


async def _issue(
    connection: AsyncConnection,
    of: ConnectorId,
    at: float,
    peer: str,
    issue: Callable[[ConnectorId, int], CertificateRecord],
    held: CertificateRecord | None = None,
) -> CertificateRecord:
    """After every revocation of the connector, or not at all if one covers the certificate before."""
    await _alone(connection, *of)
    revoked = await _revocations(connection, of)
    if held is not None and any(each.covers(held) for each in revoked):
        raise Revoked
    issued = issue(of, max([int(at), *(each.until + 1 for each in revoked)]))
    values = {"tenant": of.tenant, "connector": of.name}
    for name in ("instance", "serial", "public_key", "issued_at", "expires_at", "authority"):
        values[name] = getattr(issued, name)
    await connection.execute(insert(certificate).values(values))
    act = "Enroll"
    if held is not None:
        act = "Renew" if at < held.expires_at else "Renew after it had expired"
    detail = f"instance {issued.instance}, certificate {issued.serial}, from {peer}"
    await add_entries(connection, [_entry(of, at, SITE, act, "ok", detail)])
    return issued


async def _refused(
    connection: AsyncConnection, of: ConnectorId | None, at: float, peer: str, reason: str
) -> NotEnrolled:
    detail = f"token {reason}, from {peer}"
    entry = _entry(of or ConnectorId(HUB, ""), at, SITE, "Enroll", "Unauthenticated", detail)
    await add_entries(connection, [entry._replace(kind=AuditKind.REFUSAL)])
    return NotEnrolled(reason, of)


def _entry(
    of: ConnectorId, at: float, by: str, act: str, outcome: str, detail: str = ""
) -> AuditEntry:
    return AuditEntry(
        at=at,
        tenant=of.tenant,
        kind=AuditKind.ENROLMENT,
        caller=by,
        operation=act,
        outcome=outcome,
        connector=of.name,
        detail=detail,
    )


async def _certificates(connection: AsyncConnection, of: ConnectorId) -> list[CertificateRecord]:
    query = select(certificate).where(_names(certificate, of))
    rows = await connection.execute(query.order_by(certificate.c.number.desc()))
    return [_certificate(row) for row in rows]


def _certificate(row: Row[Any]) -> CertificateRecord:
    return CertificateRecord(
        of=ConnectorId(row.tenant, row.connector),
        instance=row.instance,
        serial=row.serial,
        public_key=row.public_key,
        issued_at=row.issued_at,
        expires_at=row.expires_at,
        authority=row.authority,
    )


async def _revocations(connection: AsyncConnection, of: ConnectorId) -> list[Revocation]:
    rows = await connection.execute(select(revocation).where(_names(revocation, of)))
    return [Revocation(of, r.instance, r.serial, r.until) for r in rows]


async def _alone(connection: AsyncConnection, *names: str) -> None:
    """Wait for other transactions about the same. SQLite runs one at a time anyway."""
    if connection.dialect.name == "postgresql":
        lock = text("SELECT pg_advisory_xact_lock(hashtextextended(:name, 0))")
        await connection.execute(lock, {"name": "/".join(names)})


def _names(table: Any, of: ConnectorId) -> ColumnElement[bool]:
    return and_(table.c.tenant == of.tenant, table.c.connector == of.name)


def _is(table: Any, of: ConnectorId) -> ColumnElement[bool]:
    return and_(table.c.tenant == of.tenant, table.c.name == of.name)


def _about(name: str) -> str:
    return f"authority/{name}"
