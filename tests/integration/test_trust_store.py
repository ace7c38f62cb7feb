"""What the hub keeps of who may connect: the same on SQLite and on PostgreSQL."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace

import pytest

from mostek.hub.identity import ConnectorId
from mostek.hub.keyring import Keyring
from mostek.hub.pki.authority import Authority
from mostek.hub.store import (
    AuditFilter,
    AuditStore,
    CertificateRecord,
    KeyUsed,
    NotEnrolled,
    Revoked,
    Store,
    TrustStore,
)

NOW = 1000.5
ACME = ConnectorId("default", "acme")
TOKEN = b"t" * 32
OLD, NEW = b"1" * 32, b"2" * 32


@pytest.fixture
async def store(database: str) -> AsyncIterator[Store]:
    opened = await Store.open(database, Keyring({"k1": OLD}))
    yield opened
    await opened.close()


@pytest.fixture
def trust(store: Store) -> TrustStore:
    return TrustStore(store, Keyring({"k1": OLD}))


class Issue:
    """Makes records of certificates with keys of their own."""

    def __init__(self, name: str = "i1") -> None:
        self.name = name
        self.made = 0

    def __call__(self, of: ConnectorId, at: int) -> CertificateRecord:
        self.made += 1
        serial = f"{self.name}-{self.made}"
        return CertificateRecord(
            of, self.name, serial, serial.encode().ljust(32), at, at + 100, "a1"
        )


async def test_a_token_is_used_once_however_many_try_at_the_same_time(trust: TrustStore) -> None:
    await trust.add_token(TOKEN, ACME, NOW, NOW + 60, "tests")
    tries = [trust.enrol(TOKEN, NOW, "192.0.2.1", Issue(f"i{number}")) for number in range(6)]
    done = await asyncio.gather(*tries, return_exceptions=True)
    [issued] = [each for each in done if isinstance(each, CertificateRecord)]
    refused = [each for each in done if isinstance(each, NotEnrolled)]
    assert len(refused) == 5
    assert {each.reason for each in refused} == {"used"}
    assert await trust.certificates(ACME) == [issued]


async def test_the_audit_learns_why_a_token_is_refused(trust: TrustStore) -> None:
    await trust.add_token(TOKEN, ACME, NOW, NOW + 60, "tests")
    with pytest.raises(NotEnrolled) as expired:
        await trust.enrol(TOKEN, NOW + 60, "192.0.2.1", Issue())
    assert (expired.value.reason, expired.value.of) == ("expired", ACME)
    with pytest.raises(NotEnrolled) as unknown:
        await trust.enrol(b"u" * 32, NOW, "192.0.2.1", Issue())
    assert (unknown.value.reason, unknown.value.of) == ("unknown", None)


async def test_a_key_that_has_a_certificate_gets_no_other_and_the_token_stays(
    trust: TrustStore,
) -> None:
    await trust.add_token(TOKEN, ACME, NOW, NOW + 60, "tests")
    issued = await trust.enrol(TOKEN, NOW, "192.0.2.1", Issue())
    await trust.add_token(b"s" * 32, ACME, NOW, NOW + 60, "tests")
    with pytest.raises(KeyUsed):
        await trust.enrol(
            b"s" * 32, NOW, "192.0.2.1", lambda of, at: replace(issued, serial="other")
        )
    await trust.enrol(b"s" * 32, NOW, "192.0.2.1", Issue("i2"))


async def test_a_revocation_covers_what_was_issued_before_and_nothing_after(
    trust: TrustStore,
) -> None:
    await trust.add_token(TOKEN, ACME, NOW, NOW + 60, "tests")
    before = await trust.enrol(TOKEN, NOW, "192.0.2.1", Issue())
    assert await trust.revoke(ACME, "", "", NOW, "tests") == 1
    await trust.add_token(b"s" * 32, ACME, NOW, NOW + 60, "tests")
    after = await trust.enrol(b"s" * 32, NOW, "192.0.2.1", Issue("i2"))
    [revocation] = await trust.revocations()
    assert revocation.covers(before)
    assert not revocation.covers(after)
    other = replace(before, of=ConnectorId("other", "acme"))
    assert not revocation.covers(other)


async def test_a_renewal_and_a_revocation_at_once_leave_nothing_valid(trust: TrustStore) -> None:
    await trust.add_token(TOKEN, ACME, NOW, NOW + 60, "tests")
    held = await trust.enrol(TOKEN, NOW, "192.0.2.1", Issue())
    issue = Issue("next")
    work = [trust.renew(held, NOW + 3, "192.0.2.1", issue) for _ in range(4)]
    # The clock of the one that revokes is late.
    done = await asyncio.gather(
        *work, trust.revoke(ACME, "", "", NOW, "tests"), return_exceptions=True
    )
    assert all(isinstance(each, CertificateRecord | Revoked | int) for each in done)
    revocations = await trust.revocations()
    for each in await trust.certificates(ACME):
        assert any(revocation.covers(each) for revocation in revocations), each


async def test_a_revoked_certificate_is_not_renewed(trust: TrustStore) -> None:
    await trust.add_token(TOKEN, ACME, NOW, NOW + 60, "tests")
    held = await trust.enrol(TOKEN, NOW, "192.0.2.1", Issue())
    await trust.revoke(ACME, "", held.serial, NOW, "tests")
    with pytest.raises(Revoked):
        await trust.renew(held, NOW, "192.0.2.1", Issue("i2"))


async def test_a_tokens_connector_is_known_and_what_was_known_of_it_stays(
    store: Store, trust: TrustStore
) -> None:
    await store.save_connectors({ACME: b"status"}, NOW)
    shop = ConnectorId("default", "shop")
    for of in (ACME, shop):
        await trust.add_token(of.name.encode().ljust(32), of, NOW, NOW + 60, "tests")
    known = {of: status for of, status, _ in await store.connectors()}
    assert known == {ACME: b"status", shop: b""}


async def test_the_version_changes_with_every_change_and_only_then(trust: TrustStore) -> None:
    seen = [await trust.version()]
    assert await trust.version() == seen[0]
    first, second = Authority.made(NOW), Authority.made(NOW)
    for step in (
        lambda: trust.revoke(ACME, "", "", NOW, "tests"),
        lambda: trust.add_authority(lambda known: first.record(NOW), "tests"),
        lambda: trust.add_authority(lambda known: second.record(NOW), "tests"),
        lambda: trust.retire_authority(first.name, NOW, "tests"),
        lambda: trust.revoke(ACME, "", "", NOW, "tests"),
    ):
        await step()
        seen.append(await trust.version())
    assert len(set(seen)) == len(seen)


async def test_two_replicas_that_start_at_once_have_one_authority(trust: TrustStore) -> None:
    def first(known: list[object]) -> object:
        return None if known else Authority.made(NOW).record(NOW)

    done = await asyncio.gather(*(trust.add_authority(first, "tests") for _ in range(4)))  # type: ignore[arg-type]
    assert all(each == done[0] for each in done)
    assert len(done[0]) == 1


async def test_an_authoritys_key_is_encrypted_and_rotates_with_the_others(
    store: Store, trust: TrustStore
) -> None:
    made = Authority.made(NOW).record(NOW)
    await trust.add_authority(lambda known: made, "tests")
    both = TrustStore(store, Keyring({"k2": NEW, "k1": OLD}))
    assert await both.reencrypt() == 1
    assert await both.reencrypt() == 0
    only = TrustStore(store, Keyring({"k2": NEW}))
    assert [each.key for each in await only.authorities()] == [made.key]


async def test_a_retired_authoritys_key_is_gone_and_it_does_not_come_back(
    trust: TrustStore,
) -> None:
    first, second = Authority.made(NOW), Authority.made(NOW)
    for each in (first, second):
        await trust.add_authority(lambda known, each=each: each.record(NOW), "tests")  # type: ignore[misc]
    assert await trust.retire_authority(first.name, NOW, "tests")
    assert not await trust.retire_authority(second.name, NOW, "tests")
    assert [each.name for each in await trust.authorities()] == [second.name]
    with pytest.raises(ValueError, match="is or was one of the hub's"):
        await trust.add_authority(lambda known: first.record(NOW), "tests")


async def test_every_act_is_in_the_audit_with_it(store: Store, trust: TrustStore) -> None:
    await trust.add_token(TOKEN, ACME, NOW, NOW + 60, "operator")
    held = await trust.enrol(TOKEN, NOW, "192.0.2.1", Issue())
    with pytest.raises(NotEnrolled):
        await trust.enrol(TOKEN, NOW, "192.0.2.2", Issue("i2"))
    await trust.renew(held, held.expires_at + 1.0, "192.0.2.1", Issue("i3"))
    await trust.revoke(ACME, "", "", NOW, "operator")
    entries = await AuditStore(store).find(ACME.tenant, AuditFilter(connector="acme"), 100)
    assert [(each.operation, each.outcome, each.caller) for each in entries] == [
        ("CreateConnector", "ok", "operator"),
        ("Enroll", "ok", "site"),
        ("Enroll", "Unauthenticated", "site"),
        ("Renew after it had expired", "ok", "site"),
        ("RevokeConnector", "ok", "operator"),
    ]
    assert "from 192.0.2.2" in entries[2].detail
    assert "used" in entries[2].detail
