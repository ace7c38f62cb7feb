"""The callers: they order, create customers, cancel, repeat, walk away and read, and keep what they were told."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace
from random import Random

import httpx

from chaos.asked import Asked, Ledger, Line, Told
from chaos.calls import over_grpc, over_http
from chaos.erp import Erp
from chaos.reads import Reads
from mostek.client import Client

__all__ = ["CALLERS", "TRANSIENT", "Callers", "Figures"]

#: Of each site, so that one that is away does not occupy those of the other.
CALLERS = 20
#: After a failure of one of these kinds, or one said to be retriable, the same is asked again under the same key.
TRANSIENT = frozenset(
    ("OFFLINE", "OVERLOADED", "EXPIRED", "LOCKED", "ERP_UNAVAILABLE", "UNKNOWN_OUTCOME")
)
#: Seconds between what one caller does, on average, and between its repetitions.
_PAUSE = 0.3
_AGAIN = (0.2, 1.5)
#: Seconds that a caller waits for an answer.
_WAITS = (0.5, 3.0, 15.0)
_NIP_WEIGHTS = (6, 5, 7, 2, 3, 4, 5, 6, 7)


@dataclass
class Figures:
    """What was done so far."""

    orders: int = 0
    customers: int = 0
    answered: int = 0
    #: Failures that callers were told, by kind.
    failures: Counter[str] = field(default_factory=Counter)


class Callers:
    """Applications that call the hub; all that they do follows from the seed."""

    def __init__(
        self,
        client: Client,
        http: httpx.AsyncClient,
        erps: dict[str, Erp],
        ledger: Ledger,
        reads: Reads,
        seed: str,
    ) -> None:
        self.figures = Figures()
        self._client = client
        self._http = http
        self._erps = erps
        self._ledger = ledger
        self._reads = reads
        self._seed = seed
        self._number = itertools.count(1)
        self._stopping = asyncio.Event()
        self._giving_up = asyncio.Event()

    async def run(self) -> None:
        """Until stopped, and each has an answer to what it asked last."""
        async with asyncio.TaskGroup() as working:
            for site, number in itertools.product(sorted(self._erps), range(CALLERS)):
                name = f"caller {number} of {site}"
                rng = Random(f"{self._seed} {name}")
                working.create_task(self._work(site, rng), name=name)

    def stop(self) -> None:
        """Begin nothing new."""
        self._stopping.set()

    def give_up(self) -> None:
        """Ask nothing again."""
        self._giving_up.set()

    async def _work(self, site: str, rng: Random) -> None:
        #: What they do, and how often.
        stories: dict[Callable[[str, Random], Awaitable[object]], int] = {
            self._plain: 7,
            self._reads.one: 12,
            self._shared: 5,
            self._abandoned: 3,
            self._reads.all: 1,
            self._new_buyer: 3,
            self._pair: 3,
            self._customers: 2,
            self._cancelled: 3,
            self._impostor: 2,
        }
        while not self._stopping.is_set():
            [story] = rng.choices(list(stories), list(stories.values()))
            await story(site, rng)
            await asyncio.sleep(rng.expovariate(1 / _PAUSE))

    # The stories.

    async def _plain(self, site: str, rng: Random) -> Told:
        """One order, asked for until there is an answer."""
        return await self._insist(self._order(site, rng, "plain"), rng)

    async def _shared(self, site: str, rng: Random) -> None:
        """The same order by several callers at once."""
        asked = self._order(site, rng, "shared")
        await asyncio.gather(*(self._insist(asked, rng) for _ in range(rng.randint(2, 4))))

    async def _abandoned(self, site: str, rng: Random) -> None:
        """An order whose caller goes away in the middle and never comes back."""
        asked = self._order(site, rng, "abandoned")
        call = asyncio.create_task(self._ask(asked, rng))
        await asyncio.wait((call,), timeout=rng.uniform(0.0, 0.3))
        call.cancel()
        await asyncio.gather(call, return_exceptions=True)

    async def _new_buyer(self, site: str, rng: Random) -> Told:
        """An order of a customer that is created with it."""
        return await self._insist(self._order(site, rng, "new buyer", _tax_id(rng)), rng)

    async def _pair(self, site: str, rng: Random) -> None:
        """Two orders of the same new customer at once."""
        tax_id = _tax_id(rng)
        pair = [self._order(site, rng, "pair", tax_id) for _ in range(2)]
        await asyncio.gather(*(self._insist(asked, rng) for asked in pair))

    async def _customers(self, site: str, rng: Random) -> None:
        """A new customer, asked for under two keys at once."""
        tax_id = _tax_id(rng)
        pair = [
            self._ledger.ask(Asked(self._key("customer"), site, "customer", tax_id=tax_id))
            for _ in range(2)
        ]
        self.figures.customers += 1
        await asyncio.gather(*(self._insist(asked, rng) for asked in pair))

    async def _cancelled(self, site: str, rng: Random) -> None:
        """An order that is not waited for, and cancelled soon: it is there or not, as the hub says."""
        asked = self._order(site, rng, "cancelled")
        told = self._tell(await over_http(self._http, asked, "respond-async"))
        if told.end == "accepted":
            await asyncio.sleep(rng.choice((0.0, 0.02, 0.1)))
            path = f"/v1/commands/{told.command}:cancel"
            with contextlib.suppress(httpx.HTTPError, ValueError, KeyError):
                answer = (await self._http.post(path)).json()
                state = answer.get("state") or answer["command"]["state"]
                if state == "COMMAND_STATE_CANCELLED":
                    self._tell(replace(told, end="cancelled"))

    async def _impostor(self, site: str, rng: Random) -> None:
        """Another order under the key of one that is there: refused."""
        first = self._order(site, rng, "plain")
        if (await self._insist(first, rng)).end == "ok":
            other = self._order(site, rng, "impostor")
            other = self._ledger.ask(replace(other, key=first.key))
            await self._insist(other, rng)

    # What they have in common.

    def _key(self, what: str) -> str:
        return f"chaos:{what}:{next(self._number)}"

    def _order(self, site: str, rng: Random, story: str, tax_id: str = "") -> Asked:
        erp = self._erps[site]
        key = self._key("order")
        lines = [
            Line(product, rng.randint(1, 9), f"{rng.randint(100, 99999) / 100:.2f}")
            for product in rng.sample(erp.goods, rng.randint(1, 5))
        ]
        asked = Asked(
            key,
            site,
            story,
            external_number=f"CHAOS-{key.rpartition(':')[2]}",
            buyer="" if tax_id else rng.choice(erp.buyers),
            tax_id=tax_id,
            lines=tuple(lines),
        )
        self.figures.orders += 1
        return asked if story == "impostor" else self._ledger.ask(asked)

    async def _insist(self, asked: Asked, rng: Random) -> Told:
        """Ask until there is an answer that stays."""
        while True:
            told = await self._ask(asked, rng)
            passing = told.end in TRANSIENT or told.retriable or told.end == "accepted"
            if not passing or self._giving_up.is_set():
                return told
            await asyncio.sleep(rng.uniform(*_AGAIN))

    async def _ask(self, asked: Asked, rng: Random) -> Told:
        wait = rng.choice(_WAITS)
        if rng.random() < 0.7:
            return self._tell(await over_grpc(self._client, asked, wait))
        prefer = f"wait={max(1, round(wait))}" if rng.random() < 0.8 else "respond-async"
        return self._tell(await over_http(self._http, asked, prefer))

    def _tell(self, told: Told) -> Told:
        self.figures.answered += 1
        if told.end not in ("ok", "accepted", "cancelled"):
            self.figures.failures[told.end] += 1
        return self._ledger.tell(told)


def _tax_id(rng: Random) -> str:
    """A NIP: nine digits and the one that checks them."""
    while True:
        digits = [rng.randint(1, 9) for _ in range(9)]
        check = sum(map(int.__mul__, digits, _NIP_WEIGHTS)) % 11
        if check < 10:
            return "".join(map(str, [*digits, check]))
