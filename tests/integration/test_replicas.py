"""Several hubs on one PostgreSQL, in one event loop: they answer for one another."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING

import grpc
import httpx
import pytest
from cryptography import x509

from mostek.admin.v1 import admin_service_pb2 as admin
from mostek.client import Client
from mostek.erp.v1.customer_pb2 import (
    CreateCustomerRequest,
    CustomerDraft,
    GetCustomerRequest,
    ListCustomersRequest,
)
from mostek.hub import link as link_module
from mostek.hub.call import Call
from mostek.hub.hub import Hub
from mostek.hub.identity import LOCAL, ConnectorId
from mostek.hub.keyring import add_key
from mostek.hub.pki.authority import Authority
from mostek.hub.pki.server import ReplicaCertificate
from mostek.hub.pki.trust import Refused
from mostek.hub.replica import NotThere
from mostek.hub.replicas.replicas import Replicas
from mostek.hub.store import AuthorityRecord, JournalRecord, JournalStore, SessionState
from mostek.link.v1.link_pb2 import ConnectorToHub, Goodbye, GoodbyeReason, Hello, HubToConnector
from mostek.link.v1.link_pb2_grpc import LinkServiceStub
from mostek.wire.failures import Cancelled, Expired, NotFound, Offline, Overloaded
from mostek.wire.operations import OPERATIONS
from mostek.wire.trust import InstanceId

from .conftest import World, hub_config
from .secure import Secure, secure_hub
from .test_leaks import LOST, lost_per

if TYPE_CHECKING:
    Stream = grpc.aio.StreamStreamCall[ConnectorToHub, HubToConnector]


class Several:
    """Hubs that work on one database; each world dials its own."""

    def __init__(self, worlds: list[World], ends: list[contextlib.AsyncExitStack]) -> None:
        self.worlds = worlds
        self._ends = ends

    def __getitem__(self, index: int) -> World:
        return self.worlds[index]

    def name_of(self, index: int) -> str:
        """The replica's name."""
        return replicas_of(self[index]).name

    async def end(self, index: int) -> None:
        """Stop a hub in order."""
        await self._ends[index].aclose()


def replicas_of(world: World) -> Replicas:
    """What a hub knows of itself and the others."""
    replica = world.hub.replica
    assert isinstance(replica, Replicas)
    return replica


@contextlib.asynccontextmanager
async def a_few(database: str, folder: Path, count: int) -> AsyncIterator[Several]:
    add_key(folder / "hub.keys")
    async with contextlib.AsyncExitStack() as stack:
        worlds, ends = [], []
        for _ in range(count):
            end = await stack.enter_async_context(contextlib.AsyncExitStack())
            config = hub_config(
                folder,
                database=database,
                internal="127.0.0.1:0",
                lease=2.0,
                drain_grace=2.0,
                return_grace=5.0,
            )
            hub = Hub(config)
            addresses = await end.enter_async_context(hub.running())
            client = await stack.enter_async_context(Client(addresses.api))
            worlds.append(World(hub, addresses, client, folder, {}))
            ends.append(end)
        yield Several(worlds, ends)


@pytest.fixture
async def several(
    request: pytest.FixtureRequest, postgresql_database: str, tmp_path: Path
) -> AsyncIterator[Several]:
    """Two, or as many as the test's mark says."""
    mark = request.node.get_closest_marker("hubs")
    async with a_few(postgresql_database, tmp_path, mark.args[0] if mark else 2) as hubs:
        yield hubs


@contextlib.asynccontextmanager
async def frozen(replicas: Replicas) -> AsyncIterator[None]:
    """A replica that has no way to the database for what is its own, and so shows no life."""
    run = replicas._chores.pop("replicas")
    run.cancel()
    await asyncio.wait((run,))
    try:
        yield
    finally:
        replicas._chore("replicas", replicas._run)


@contextlib.asynccontextmanager
async def stream(world: World, instance: str, process: str) -> AsyncIterator[Stream]:
    """A connector that says Hello and then nothing."""
    hello = Hello(revision=1, connector="acme", instance=instance, process=process, slots=1)
    async with grpc.aio.insecure_channel(world.addresses.link) as channel:
        call: Stream = LinkServiceStub(channel).Connect()
        await call.write(ConnectorToHub(hello=hello))
        yield call
        call.cancel()


async def said_goodbye(call: Stream) -> Goodbye:
    async with asyncio.timeout(5):
        async for frame in call:
            if frame.HasField("goodbye"):
                return frame.goodbye
    raise AssertionError("the stream ended without a goodbye")


async def read(world: World, customer: str, timeout: float = 10) -> str:
    acme = world.client.connector("acme")
    answer = await acme.GetCustomer(GetCustomerRequest(id=customer), timeout=timeout)
    return answer.customer.id


async def recorded(world: World, key: str) -> admin.Command:
    """The command that a key stands for, once it is recorded."""
    async with asyncio.timeout(5):
        while True:
            request = admin.ListCommandsRequest(idempotency_key=key)
            if found := (await world.client.admin.ListCommands(request)).commands:
                return found[0]
            await asyncio.sleep(0.01)


async def everywhere(several: Several, name: str = "acme", sessions: int = 1) -> None:
    """Wait until every replica knows of the connector's sessions."""
    async with asyncio.timeout(5):
        for world in several.worlds:
            while True:
                found = [c for c in await world.client.connectors() if c.name == name]
                if found and len(found[0].sessions) == sessions:
                    break
                await asyncio.sleep(0.01)


async def create(world: World, name: str, key: str = "", timeout: float = 10) -> str:
    acme = world.client.connector("acme").with_key(key or name)
    request = CreateCustomerRequest(customer=CustomerDraft(name=name))
    return (await acme.CreateCustomer(request, timeout=timeout)).customer.id


@pytest.mark.hubs(3)
async def test_a_read_is_answered_by_any_replica_over_grpc_and_http(several: Several) -> None:
    async with several[0].connector():
        await everywhere(several)
        for world in several.worlds:
            assert await read(world, "7") == "7"
            async with httpx.AsyncClient(base_url=f"http://{world.addresses.http}") as http:
                got = await http.get("/v1/connectors/acme/companies/-/customers/8")
            assert got.json()["customer"]["id"] == "8"


async def test_a_write_is_recorded_by_any_replica_and_executed_once(several: Several) -> None:
    async with several[0].connector():
        await everywhere(several)
        ids = await asyncio.gather(*(create(world, "ada") for world in several.worlds))
        assert ids == ["1", "1"]
        assert several[0].plugin.calls == 1


async def test_the_lists_show_the_sessions_of_all_replicas(several: Several) -> None:
    async with several[0].connector():
        await everywhere(several)
        [there] = (await several[0].client.connectors())[0].sessions
        [here] = (await several[1].client.connectors())[0].sessions
        assert (here.session_id, here.instance) == (there.session_id, there.instance)
        assert there.replica == ""
        assert here.replica == several.name_of(0)
        assert (here.slots, here.software) == (there.slots, there.software)
        [company] = (await several[1].client.connectors())[0].companies
        assert company.erp == "Notebook"


async def test_a_failure_comes_back_as_the_site_told_it(several: Several) -> None:
    async with several[0].connector(slots=1):
        await everywhere(several)
        acme = several[1].client.connector("acme")
        with pytest.raises(NotFound, match="No such customer") as missing:
            await acme.GetCustomer(GetCustomerRequest(id="missing"))
        assert missing.value.command_id
        other = several[1].client.connector("acme", "other")
        with pytest.raises(NotFound, match="serves no company 'other'"):
            await other.GetCustomer(GetCustomerRequest(id="1"))
        slow = asyncio.create_task(read(several[1], "slow"))
        await several[0].until(several[0].plugin.began.is_set)
        with pytest.raises(Overloaded):
            await acme.GetCustomer(GetCustomerRequest(id="1"))
        several[0].plugin.gate.set()
        assert await slow == "slow"


async def test_a_deadline_and_a_caller_that_leaves_cancel_the_command_at_the_site(
    several: Several,
) -> None:
    async with several[0].connector():
        await everywhere(several)
        with pytest.raises(Expired):
            await read(several[1], "slow", timeout=0.3)
        await several[0].until(several[0].plugin.stopped.is_set)
        for event in (several[0].plugin.stopped, several[0].plugin.began, several[0].plugin.gate):
            event.clear()
        leaving = asyncio.create_task(read(several[1], "slow"))
        await several[0].until(several[0].plugin.began.is_set)
        leaving.cancel()
        await several[0].until(several[0].plugin.stopped.is_set)


async def test_what_is_known_nowhere_and_what_is_offline_is_told_as_by_one_hub(
    several: Several,
) -> None:
    with pytest.raises(NotFound):
        await read(several[1], "1")
    for world in several.worlds:
        world.hub.registry._returns_within = 0.0
    async with several[0].connector():
        await everywhere(several)
    await several[1].until(lambda: not several[1].acme.online)
    with pytest.raises(Offline):
        await read(several[1], "1")


@pytest.mark.hubs(3)
async def test_an_entry_that_is_wrong_is_corrected_and_the_call_answered(several: Several) -> None:
    async with several[0].connector():
        await everywhere(several)
        [right] = several[1].acme.elsewhere.values()
        wrong = replace(right, id="gone", instance="i", replica=several.name_of(2), number=99)
        for known in (replace(right, state=SessionState.ENDED), wrong):
            several[1].hub.registry.place(known)
        # As after a change that was missed: the next look brings what is right.
        replicas_of(several[1])._upto = 0
        assert await read(several[1], "7") == "7"
        assert list(several[1].acme.elsewhere) == [right.id]


@pytest.mark.hubs(3)
async def test_a_call_that_is_forwarded_is_not_forwarded_again(several: Several) -> None:
    async with several[0].connector():
        await everywhere(several)
        [right] = several[1].acme.elsewhere.values()
        asked = GetCustomerRequest(id="7").SerializeToString()
        call = Call(OPERATIONS["GetCustomer"], "acme", "", asked, 5.0, LOCAL)
        wrong = replace(right, replica=several.name_of(2))
        with pytest.raises(NotThere):
            await replicas_of(several[1]).forward(call, wrong, 5.0)
        assert several[0].plugin.calls == 0


async def test_a_connector_that_comes_to_another_replica_leaves_the_first(
    several: Several,
) -> None:
    async with several[0].connector():
        await everywhere(several)
        [before] = several[0].acme.sessions
        async with stream(several[1], before.instance, before.process):
            await several[0].until(lambda: before.rules.said_goodbye)
            await several[0].until(lambda: several[0].acme.active_elsewhere != [])
            [newest] = several[0].acme.active_elsewhere
            assert newest.replica == several.name_of(1)


async def test_a_copy_of_an_instance_is_refused_by_another_replica(several: Several) -> None:
    async with several[0].connector():
        await everywhere(several)
        [first] = several[0].acme.sessions
        async with stream(several[1], first.instance, "copy") as call:
            goodbye = await said_goodbye(call)
            assert goodbye.reason == GoodbyeReason.GOODBYE_REASON_REFUSED
            assert "copy" in goodbye.message
        assert not first.rules.leaving
        assert several[1].acme.refused is not None
        assert await read(several[1], "7") == "7"


async def test_another_process_takes_over_from_one_elsewhere_that_does_not_answer(
    several: Several, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(link_module, "PROBE_WITHIN", 0.2)
    async with stream(several[0], "i", "one"):
        await everywhere(several)
        async with stream(several[1], "i", "two"):
            await several[1].until(lambda: len(several[1].acme.sessions) == 1)
            await several[0].until(lambda: several[0].acme.sessions[0].rules.leaving)


async def test_connectors_that_are_asked_to_move_come_again_and_no_call_fails(
    several: Several, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(link_module, "_MOVED_AFTER", -1.0)
    async with several[0].connector():
        await everywhere(several)
        [before] = several[0].acme.sessions
        slow = asyncio.create_task(read(several[1], "slow"))
        await several[0].until(several[0].plugin.began.is_set)
        several[0].hub.link.move(1)
        reads = await asyncio.gather(*(read(world, "7") for world in several.worlds * 5))
        assert reads == ["7"] * 10
        assert [live for live in several[0].acme.sessions if not live.rules.leaving] != [before]
        assert not slow.done()
        several[0].plugin.gate.set()
        assert await slow == "slow"


async def test_a_write_that_runs_elsewhere_is_cancelled_there(several: Several) -> None:
    async with several[0].connector():
        await everywhere(several)
        first = asyncio.create_task(create(several[1], "slow"))
        await several[0].until(several[0].plugin.began.is_set)
        waiting = asyncio.create_task(create(several[1], "ada"))
        command = await recorded(several[1], "ada")
        client = several[1].client
        done = await client.admin.CancelCommand(admin.CancelCommandRequest(id=command.id))
        assert done.command.state == admin.COMMAND_STATE_CANCELLED
        with pytest.raises(Cancelled):
            await waiting
        running = await recorded(several[1], "slow")
        late = await client.admin.CancelCommand(admin.CancelCommandRequest(id=running.id))
        assert late.command.state == admin.COMMAND_STATE_SENT
        several[0].plugin.gate.set()
        assert await first == "1"


async def test_writes_of_a_company_go_one_at_a_time_whatever_replica_has_the_instance(
    several: Several,
) -> None:
    async with several[0].connector(instance="one"), several[1].connector(instance="two"):
        await everywhere(several, sessions=2)
        one, two = several[0].plugins["acmeone/main"], several[1].plugins["acmetwo/main"]
        running = asyncio.create_task(create(several[1], "slow"))
        await several[0].until(lambda: one.began.is_set() or two.began.is_set())
        others = [asyncio.create_task(create(several[n % 2], f"c{n}")) for n in range(5)]
        await asyncio.sleep(0.3)
        assert one.calls + two.calls == 1
        one.gate.set()
        two.gate.set()
        await asyncio.gather(running, *others)
        assert one.calls + two.calls == 6


async def test_a_replica_that_others_take_for_dead_claims_and_sends_nothing(
    several: Several,
) -> None:
    async with several[0].connector():
        await everywhere(several)
        quiet = replicas_of(several[0])
        async with frozen(quiet):
            await several[0].until(lambda: not quiet.may_write, 10)
            waiting = asyncio.create_task(create(several[1], "ada", timeout=20))
            await several[1].until(lambda: quiet.name not in replicas_of(several[1]).alive, 10)
            # It has the connector, and would know of the write: it looks every second.
            await asyncio.sleep(1.2)
            assert several[0].plugin.calls == 0
            command = await recorded(several[1], "ada")
            assert (command.state, command.attempts) == (admin.COMMAND_STATE_RECORDED, 0)
            # Its streams are served all the same.
            assert await read(several[0], "7") == "7"
        # Its sessions are known again, and the write is sent.
        assert await waiting == "1"
        await everywhere(several)


async def test_a_claim_of_a_replica_that_was_found_dead_is_refused_by_the_database(
    several: Several,
) -> None:
    async with several[0].connector():
        await everywhere(several)
        quiet = replicas_of(several[0])
        async with frozen(quiet):
            await several[1].until(lambda: quiet.name not in replicas_of(several[1]).alive, 10)
            # As after the whole machine stood still: its steady clock tells it nothing.
            quiet._lease._held_until = float("inf")
            assert quiet.may_write
            waiting = asyncio.create_task(create(several[1], "ada", timeout=20))
            await recorded(several[1], "ada")
            await asyncio.sleep(1.2)
            assert several[0].plugin.calls == 0
            quiet._lease._held_until = 0.0
        assert await waiting == "1"


async def test_a_dead_replica_s_write_is_asked_for_by_the_replica_that_has_the_connector(
    several: Several,
) -> None:
    async with several[0].connector(instance="one"):
        await everywhere(several)
        one = several[0].plugins["acmeone/main"]
        quiet = replicas_of(several[0])
        writing = asyncio.create_task(create(several[1], "slow", timeout=20))
        await several[0].until(one.began.is_set)
        async with frozen(quiet), several[1].connector(instance="two"):
            two = several[1].plugins["acmetwo/main"]
            await several[1].until(two.began.is_set, 10)
            command = await recorded(several[1], "slow")
            assert (command.state, command.attempts) == (admin.COMMAND_STATE_IN_DOUBT, 2)
            two.gate.set()
            assert await writing == "1"
        one.gate.set()


async def test_a_hub_whose_clock_is_wrong_neither_ends_nor_holds_up_the_writes_of_others(
    several: Several, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with several[0].connector():
        await everywhere(several)
        right = time.time
        for wrong in (86400, -86400):
            clock = SimpleNamespace(time=lambda w=wrong: right() + w, monotonic=time.monotonic)
            for module in ("writes", "dispatcher", "replica", "replicas.replicas"):
                monkeypatch.setattr(f"mostek.hub.{module}.time", clock)
            assert await create(several[1], f"by {wrong}")
            command = await recorded(several[0], f"by {wrong}")
            assert abs(command.recorded_at.seconds - right()) < 60


async def test_a_replica_that_ends_in_order_is_gone_at_once(
    postgresql_database: str, tmp_path: Path
) -> None:
    async with a_few(postgresql_database, tmp_path, 2) as several:
        name = several.name_of(1)
        await several[0].until(lambda: name in replicas_of(several[0]).alive)
        await several.end(1)
        await several[0].until(lambda: name not in replicas_of(several[0]).alive, 1.5)


async def test_an_abandoned_call_that_was_forwarded_leaves_nothing_behind(
    several: Several,
) -> None:
    async with several[0].connector(slots=32):
        await everywhere(several)
        forwarding = replicas_of(several[1])
        [there] = several[1].acme.active_elsewhere
        asked = GetCustomerRequest(id="slow").SerializeToString()

        async def abandoned() -> None:
            calls = several[0].plugin.calls
            call = Call(OPERATIONS["GetCustomer"], "acme", "", asked, 5.0, LOCAL)
            task = asyncio.create_task(forwarding.forward(call, there, 5.0))
            await several[0].until(lambda: several[0].plugin.calls > calls)
            task.cancel()
            await asyncio.wait((task,))

        # A status that finds nobody any more costs some 100; a unary call that is cancelled 980.
        assert await lost_per(abandoned, 100) < 2 * LOST


async def test_what_one_replica_heard_of_a_journal_is_known_to_all(several: Several) -> None:
    of = InstanceId("default", "acme", "one")
    for number in (7, 8):
        record = JournalRecord(of, number, bytes(32), 1000.0 + number)
        await JournalStore(several[0].hub.journals._store._store).save([record])
        known = several[1].hub.journals.known
        await several[1].until(lambda: known(ConnectorId("default", "acme")) == [record])  # noqa: B023


# Over TLS


@pytest.fixture
async def two(postgresql_database: str, tmp_path: Path) -> AsyncIterator[tuple[Secure, World]]:
    """Hubs with TLS; the caller of the second has a key that may not see a field."""
    add_key(tmp_path / "hub.keys")
    how = {"database": postgresql_database, "internal": "127.0.0.1:0", "lease": 5.0}
    async with secure_hub(tmp_path, **how) as first:
        wanted = admin.ApiKey(name="crm", scopes=["read"], denied_fields=["Customer.name"])
        key = (await first.client.admin.CreateApiKey(admin.CreateApiKeyRequest(api_key=wanted))).key
        hub = Hub(hub_config(tmp_path, insecure=False, **how))
        ca = tmp_path / "callers-ca.pem"
        async with hub.running() as addresses, Client(addresses.api, ca=ca, key=key) as client:
            yield first, World(hub, addresses, client, tmp_path, {})


def certificate_of(world: Secure) -> ReplicaCertificate:
    """By which other replicas know it."""
    assert world.tls._replica is not None
    return world.tls._replica


async def test_replicas_ask_each_other_over_mtls_and_tell_who_calls(
    two: tuple[Secure, World],
) -> None:
    first, second = two
    async with first.connector(dial=await first.enrolled()):
        await second.until(lambda: second.online_elsewhere("acme"))
        acme = second.client.connector("acme")
        found = await acme.ListCustomers(ListCustomersRequest())
        assert found.customers[0].id == "1"
        assert found.customers[0].name == ""
        site = first.hub.registry.sessions()[0]
        assert site.tenant == "default"
    # Reads are written twice a second.
    request = admin.ListAuditEntriesRequest(kinds=[admin.AUDIT_KIND_READ])
    async with asyncio.timeout(5):
        while True:
            entries = (await first.client.admin.ListAuditEntries(request)).audit_entries
            if lists := [each for each in entries if each.operation == "ListCustomers"]:
                break
            await asyncio.sleep(0.05)
    assert [entry.caller for entry in lists] == ["crm"]


async def probe(channel: grpc.aio.Channel) -> bytes:
    method: grpc.aio.UnaryUnaryMultiCallable[bytes, bytes] = channel.unary_unary(
        "/mostek.hub.Replica/Probe"
    )
    return await method(b"session", timeout=5)


async def test_the_internal_port_is_for_replicas_alone(two: tuple[Secure, World]) -> None:
    first, _ = two
    dial = await first.enrolled()
    assert dial.identity is not None
    assert dial.ca is not None
    identity, ca = dial.identity.read_bytes(), dial.ca.read_bytes()
    name = (
        ("grpc.ssl_target_name_override", f"{replicas_of(first).name}.replica.mostek.internal"),
    )
    site = grpc.ssl_channel_credentials(ca, identity, identity)
    async with grpc.aio.secure_channel(first.addresses.internal, site, options=name) as channel:
        with pytest.raises(grpc.aio.AioRpcError) as refused:
            await probe(channel)
        assert refused.value.code() == grpc.StatusCode.PERMISSION_DENIED
    nobody = grpc.ssl_channel_credentials(ca)
    async with grpc.aio.secure_channel(first.addresses.internal, nobody, options=name) as channel:
        with pytest.raises(grpc.aio.AioRpcError) as refused:
            await probe(channel)
        assert refused.value.code() == grpc.StatusCode.UNAVAILABLE


async def test_a_replica_is_no_connector(two: tuple[Secure, World]) -> None:
    first, _ = two
    own = certificate_of(first)
    (certificate, *_) = x509.load_pem_x509_certificates(own.shown.chain)
    with pytest.raises(Refused, match="names no connector"):
        first.tls.trust.known(certificate)


async def test_replicas_go_on_with_another_authority(two: tuple[Secure, World]) -> None:
    first, second = two
    async with first.connector(dial=await first.enrolled()):
        await second.until(lambda: second.online_elsewhere("acme"))
        before = certificate_of(first).stamp
        store = first.tls.trust.store

        def add(known: list[AuthorityRecord]) -> AuthorityRecord:
            after = Authority.made(time.time()).certified_by(
                map(Authority.stored, known), time.time()
            )
            return after.record(time.time())

        await store.add_authority(add, "tests")
        await first.until(lambda: certificate_of(first).stamp != before)
        found = await second.client.connector("acme").ListCustomers(ListCustomersRequest())
        assert found.customers[0].id == "1"
