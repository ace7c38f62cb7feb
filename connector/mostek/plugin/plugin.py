"""What a plugin is: a class with one method for each rpc of `ErpService` that it serves."""

from __future__ import annotations

import inspect
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar
from zoneinfo import ZoneInfo

from google.protobuf.message import Message
from pydantic import BaseModel, ConfigDict

from mostek.wire.failures import Cancelled, Expired
from mostek.wire.fields import DeniedFields
from mostek.wire.operations import OPERATIONS
from mostek.wire.tracing import Span

__all__ = ["Context", "NoConfig", "Plugin", "SettingError", "Site"]


class NoConfig(BaseModel):
    """The configuration of a plugin that has none."""

    model_config = ConfigDict(extra="forbid")


@dataclass(frozen=True)
class Site:
    """Where a plugin runs: the company that it serves, its time zone and a folder of its own for state."""

    company: str
    state: Path
    zone: ZoneInfo = field(default_factory=lambda: ZoneInfo("Europe/Warsaw"))


class Context:
    """One running command, as the plugin sees it. Thread-safe.

    A plugin that writes otherwise than by `Database.writing` sets `written` as soon as the ERP has it.

    `denied` tells which fields the site's policy and the caller's key keep back: `denied.covers("Customer.pesel")`.
    `idempotency_key` is empty for reads.
    """

    def __init__(
        self,
        *,
        operation: str,
        company: str = "",
        command_id: str = "",
        caller: str = "",
        idempotency_key: str = "",
        timeout: float = 60.0,
        denied: DeniedFields | Iterable[str] = (),
        span: Span | None = None,
    ) -> None:
        self.operation = operation
        self.company = company
        self.command_id = command_id
        self.caller = caller
        self.idempotency_key = idempotency_key
        self.denied = denied if isinstance(denied, DeniedFields) else DeniedFields(denied)
        #: Of the command, below which its statements have theirs; None: it is not traced.
        self.span = span
        self._ends = time.monotonic() + timeout
        self._lock = threading.Lock()
        self._stops: list[Callable[[], None]] = []
        self._cancelled = False
        self._begun = False
        #: Something was committed to the ERP: a failure from here on is no proof that nothing was written.
        self.written = False

    @property
    def cancelled(self) -> bool:
        """Whether nobody waits for the command any more."""
        return self._cancelled

    def remaining(self) -> float:
        """Seconds until the deadline; 0 when it passed."""
        return max(0.0, self._ends - time.monotonic())

    def begin(self, timeout: float) -> None:
        """A write begins: it has so many seconds from now, and can't be cancelled any more; called by the connector.

        Raises Expired or Cancelled if it is not to begin.
        """
        with self._lock:
            self.check()
            self._begun = True
            self._ends = time.monotonic() + timeout

    def check(self) -> None:
        """Raise Expired or Cancelled if the command is not to go on."""
        if not self.remaining():
            raise Expired("The deadline passed while the command ran.")
        if self._cancelled:
            raise Cancelled("The command was cancelled.")

    @contextmanager
    def on_cancel(self, stop: Callable[[], None]) -> Iterator[None]:
        """Within the block, a cancellation calls `stop` from another thread; at once if it has already come."""
        with self._lock:
            self._stops.append(stop)
            late = self._cancelled
        if late:
            stop()
        try:
            yield
        finally:
            with self._lock:
                self._stops.remove(stop)

    def cancel(self) -> None:
        """Ask the running command to end; called by the connector. A write that has begun is finished."""
        with self._lock:
            if self._begun:
                return
            self._cancelled = True
            stops = list(self._stops)
        for stop in stops:
            stop()


class SettingError(ValueError):
    """A setting of a company is wrong. `path` is where it stands, below the company's table."""

    def __init__(self, path: Sequence[str], message: str) -> None:
        super().__init__(message)
        self.path = tuple(path)


class Plugin:
    """One ERP company. A subclass has one method per rpc that it serves, named in snake_case:

        class Erp(Plugin):
            def list_customers(
                self, request: ListCustomersRequest, context: Context
            ) -> ListCustomersResponse: ...

    Methods run in threads of the connector, several at a time (an `async def` runs in its event loop and must not
    block), and raise a `CommandFailure` when they can't do what is asked. Reads may be called again after a failure;
    writes go one at a time.
    """

    config_type: ClassVar[type[BaseModel]] = NoConfig
    #: The program's name, for people.
    erp: ClassVar[str] = ""
    #: rpc name → method name; made by the class statement.
    serves: ClassVar[dict[str, str]] = {}
    #: Names of the rpcs whose methods run in the event loop; made by the class statement.
    in_loop: ClassVar[frozenset[str]] = frozenset()

    def __init__(self, config: Any, site: Site) -> None:
        self.config = config
        self.site = site

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        cls._refuse_unknown_names()
        cls.serves = {
            name: operation.method
            for name, operation in OPERATIONS.items()
            if callable(getattr(cls, operation.method, None))
        }
        cls.in_loop = frozenset(
            name
            for name, method in cls.serves.items()
            if inspect.iscoroutinefunction(getattr(cls, method))
        )

    @classmethod
    def _refuse_unknown_names(cls) -> None:
        """A method that takes (request, context) but is the name of no rpc is a misspelling."""
        known = {operation.method for operation in OPERATIONS.values()}
        for name, value in vars(cls).items():
            if name.startswith("_") or name in known or not callable(value):
                continue
            code = getattr(value, "__code__", None)
            if code and code.co_varnames[: code.co_argcount] == ("self", "request", "context"):
                raise TypeError(f"{cls.__name__}.{name} is the name of no rpc of ErpService")

    def call(self, operation: str, request: Message, context: Context) -> Message:
        """Run the method of an operation that the plugin serves."""
        method: Callable[[Message, Context], Message] = getattr(self, self.serves[operation])
        return method(request, context)

    def open(self) -> None:
        """Look at the ERP: versions, schema. Called once before the first command, and again after `ErpUnavailable`."""

    def close(self) -> None:
        """Give back what the plugin holds."""

    def erp_version(self) -> str:
        """The program's version as far as the plugin can tell; empty if it can't."""
        return ""

    def schema(self) -> str:
        """Fingerprint of the tables and columns that the plugin found; empty if it has none."""
        return ""

    def own_fields(self) -> frozenset[str] | None:
        """What the site has of its own: entries of attributes and columns of its lists, as the policy names them.

        `Customer.attributes.route`, `Records.debtors.debt`. None: the plugin can't tell.
        """
        return None

    def drift(self) -> list[str]:
        """What of the ERP's schema is not as the plugin expects, a sentence each."""
        return []

    def refusals(self) -> list[str]:
        """What of the site's configuration will have writes refused, a sentence each; the ERP is asked."""
        return []
