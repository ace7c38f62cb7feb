"""Runs the current version, starts it again when it ends, and tries another one when asked."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

from mostek.connector.launcher.child import Child, Failed
from mostek.connector.launcher.installation import Installation, InstallationError, Pending
from mostek.connector.launcher.words import SUPERVISED

__all__ = ["Launcher", "Stopped"]

#: Seconds between looks at the version and for an upgrade that is asked for.
LOOK_EVERY = 0.5
#: Seconds that a version has to say goodbye and to end: more than `connector.stop_grace`.
STOP_WITHIN = 90.0
#: Seconds that the version before has to be ready, so that the new one can be held against it.
JUDGE_WITHIN = 60.0
#: Seconds between starts of a version that ends by itself: doubled from the first to the second; one that ran for the
#: third begins anew.
FIRST_WAIT, LONGEST_WAIT, RAN_WELL = 1.0, 60.0, 300.0

Say = Callable[..., None]


class Stopped(Exception):
    """The launcher is asked to stop."""


class Launcher:
    """One per installation. `say(level, message, **fields)` logs; `log` takes the lines that versions log."""

    def __init__(
        self,
        installation: Installation,
        say: Say,
        log: Callable[[bytes], None] | None = None,
        *,
        stop_within: float = STOP_WITHIN,
        judge_within: float = JUDGE_WITHIN,
    ) -> None:
        self.stopping = threading.Event()
        self._installation = installation
        self._say = say
        self._log = log
        self._stop_within = stop_within
        self._judge_within = judge_within
        self._asked, self._asked_at, self._tried = "", 0.0, ""
        self._child: Child | None = None
        self._begun = 0.0
        self._begin_at = 0.0
        self._wait = FIRST_WAIT

    def run(self) -> None:
        """Until `stopping` is set. Raises InstallationError: there is nothing to run."""
        try:
            if outcome := self._installation.settle():
                self._say("warning", "an upgrade was cut short", to=outcome.to, why=outcome.reason)
            # From here on, versions that come beside it change nothing.
            self._installation.run_from_now_on(self._installation.current)
        except OSError as error:
            # A disk that is full must not keep the connector from running.
            self._say("error", "the installation can't be written to", reason=error.strerror)
        try:
            while not self.stopping.is_set():
                self._look()
                self.stopping.wait(LOOK_EVERY)
        finally:
            self._stop(self._child)

    def _look(self) -> None:
        asked = self._installation.pending
        if asked is not None and not asked.trying and self._can_judge(asked):
            self._upgrade(asked)
        elif self._child is not None and (status := self._child.ended) is not None:
            self._ended(status)
        elif self._child is None and time.monotonic() >= self._begin_at:
            self._begin(self._installation.current)

    def _can_judge(self, asked: Pending) -> bool:
        """Whether it is new, and it is known what the version before serves, or that one has had its time."""
        if asked.id == self._tried:
            return False
        if asked.id != self._asked:
            self._asked, self._asked_at = asked.id, time.monotonic()
        serves = self._child is not None and self._child.serves is not None
        return serves or time.monotonic() - self._asked_at > self._judge_within

    def _begin(self, version: str) -> None:
        self._begun = time.monotonic()
        try:
            self._child = self._start(version)
        except Failed as failed:
            self._say("error", "the connector does not start", version=version, reason=str(failed))
            self._rest()
        else:
            self._child.go()
            self._say("info", "connector is started", version=version)

    def _start(self, version: str) -> Child:
        config = ("--config", str(self._installation.config))
        program = str(self._installation.command(version))
        return Child([program, "run", SUPERVISED, *config], self._log)

    def _ended(self, status: int) -> None:
        self._stop(self._child)
        self._child = None
        if time.monotonic() - self._begun > RAN_WELL:
            self._wait = FIRST_WAIT
        self._rest()
        self._say("error", "the connector ended by itself", status=status)

    def _rest(self) -> None:
        self._begin_at = time.monotonic() + self._wait
        self._wait = min(2 * self._wait, LONGEST_WAIT)

    def _stop(self, child: Child | None) -> None:
        if child is not None:
            child.stop(self._stop_within)

    def _upgrade(self, asked: Pending) -> None:
        """Have the version that was asked for take over, or go back to the one before."""
        self._tried = asked.id
        self._say("warning", "an upgrade begins", before=asked.before, to=asked.to)
        new: Child | None = None
        try:
            self._installation.trying(asked)
            new = self._start(asked.to)
            self._hand_over(new, asked)
            self._installation.done(asked)
        except (Failed, InstallationError, Stopped, OSError) as failed:
            if self._installation.current != asked.to:
                self._go_back(new, asked, f"version {asked.to} {failed}")
                return
        self._child = new
        self._begun, self._wait = time.monotonic(), FIRST_WAIT
        self._say("warning", "the upgrade is done", before=asked.before, to=asked.to)

    def _go_back(self, new: Child | None, asked: Pending, reason: str) -> None:
        self._stop(new)
        self._say("error", "the upgrade is taken back", reason=reason)
        try:
            self._installation.taken_back(asked, reason)
        except OSError as error:
            # The mark on disk says the same at the next start.
            self._say("error", "the end of the upgrade can't be recorded", reason=error.strerror)
        self._wait = FIRST_WAIT
        if self._child is None and not self.stopping.is_set():
            self._begin(asked.before)

    def _hand_over(self, new: Child, asked: Pending) -> None:
        """The one before serves until the new one has loaded, and says goodbye before the new one dials: the hub takes
        one process of an instance.

        Raises Failed, Stopped.
        """
        ends = time.monotonic() + asked.within
        served = (self._child and self._child.serves) or frozenset()
        late = f"in {asked.within:g} s"
        new.wait_until(
            self._unless_stopped(lambda: new.loaded), ends, lambda _: f"did not load {late}"
        )
        before, self._child = self._child, None
        self._stop(before)
        new.go()
        ends = time.monotonic() + asked.within
        new.wait_until(
            self._unless_stopped(lambda: _serves(new, served)),
            ends,
            lambda _: f"{_lacks(new, served)} {late}",
        )
        self._stays(new, served, asked.steady)

    def _stays(self, new: Child, served: frozenset[str], seconds: float) -> None:
        ends = time.monotonic() + seconds
        new.wait_until(
            self._unless_stopped(lambda: time.monotonic() > ends or not _serves(new, served)),
            ends + 1.0,
            lambda _: "",
        )
        if not _serves(new, served):
            raise Failed(f"was ready and {_lacks(new, served)} after that")

    def _unless_stopped(self, holds: Callable[[], bool]) -> Callable[[Child], bool]:
        def looked(_: Child) -> bool:
            if self.stopping.is_set():
                raise Stopped("was not ready yet when the launcher was stopped")
            return holds()

        return looked


def _serves(child: Child, companies: frozenset[str]) -> bool:
    return child.serves is not None and companies <= child.serves


def _lacks(child: Child, companies: frozenset[str]) -> str:
    if child.serves is None:
        return "was not welcomed by the hub"
    missing = ", ".join(sorted(companies - child.serves))
    return f"did not reach the ERP of {missing}, which the version before did,"
