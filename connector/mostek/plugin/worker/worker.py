"""The connector's side of a worker process: started on demand, watched, ended with all that it started."""

from __future__ import annotations

import contextlib
import json
import queue
import subprocess
import sys
import threading
import time
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import psutil
import structlog

from mostek.plugin.worker.config import WorkerConfig
from mostek.plugin.worker.inside import Fault

__all__ = ["Worker", "WorkerLost"]

log = structlog.get_logger()

_BOOT = "import sys; sys.path += sys.argv[1:]; from mostek.plugin.worker.inside import main; main()"
#: Seconds that an idle worker has to end by itself, and ended processes to be gone.
_END_WITHIN = 10.0

_Message = dict[str, Any]


class WorkerLost(Exception):
    """The worker hung or died during a call, and was ended.

    `begun`: the ERP may have done what was asked. `processes` are those that were ended; `ended` is False when one of
    them is still there, so that its work may go on. `text`: what the ERP said, if it said something.
    """

    def __init__(
        self, *, hung: bool, begun: bool, processes: list[int], ended: bool, text: str = ""
    ) -> None:
        super().__init__("hung" if hung else "died")
        self.hung = hung
        self.begun = begun
        self.processes = processes
        self.ended = ended
        self.text = text


class Worker:
    """The process in which an office lives. Thread-safe: one call at a time, the others wait.

    `office` is `module:Class`, a subclass of `Office`; `settings` go to it, by standard input, since they hold
    passwords.
    """

    def __init__(self, office: str, settings: _Message, config: WorkerConfig) -> None:
        self._office = office
        self._settings = settings
        self._config = config
        self._running: _Running | None = None
        self._lock = threading.Lock()

    def call(self, name: str, **arguments: Any) -> _Message:
        """Make a call and wait for its end. Raises Fault, WorkerLost.

        After a fault that is no plain refusal the worker is ended, because the ERP's objects may be spoilt: the next
        call begins with a fresh one.
        """
        with self._lock:
            if self._running is None:
                self._running = _Running(self._start())
            running = self._running
            try:
                return self._made(running, name, arguments)
            except Fault as fault:
                if fault.kind == "unknown":
                    self._running = None
                    text = f"{fault.message} {fault.text}".rstrip()
                    raise self._lost(running, hung=False, begun=True, text=text) from fault
                raise

    def _made(self, running: _Running, name: str, arguments: _Message) -> _Message:
        try:
            return running.call(name, arguments, self._config)
        except (TimeoutError, EOFError) as end:
            self._running = None
            hung = isinstance(end, TimeoutError)
            raise self._lost(running, hung=hung, begun=running.begun) from None

    def give_up(self) -> WorkerLost:
        """End the worker though it answered: what it said is not so. What it was in the middle of ends with it."""
        with self._lock:
            running, self._running = self._running, None
            if running is None:
                return WorkerLost(hung=False, begun=True, processes=[], ended=True)
            return self._lost(running, hung=False, begun=True)

    def _lost(self, running: _Running, *, hung: bool, begun: bool, text: str = "") -> WorkerLost:
        log.warning("the worker was given up", office=self._office, hung=hung, begun=begun)
        processes, ended = running.end()
        return WorkerLost(hung=hung, begun=begun, processes=processes, ended=ended, text=text)

    def close(self) -> None:
        """Log out of the ERP and end the process; one that does not end in time is killed."""
        with self._lock:
            running, self._running = self._running, None
            if running is not None:
                running.close()

    def _start(self) -> subprocess.Popen[bytes]:
        module = self._office.partition(":")[0]
        python = str(self._config.python or sys.executable)
        process = subprocess.Popen(
            [python, "-I", "-c", _BOOT, *_roots(__name__, module)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        idle = self._config.idle_minutes * 60
        first = {"office": self._office, "settings": self._settings, "idle": idle}
        _send(process, first)
        return process


class _Running:
    """One worker process."""

    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        self._process = process
        self._messages: queue.SimpleQueue[_Message | None] = queue.SimpleQueue()
        self._started: list[psutil.Process] = []
        self._ready = False
        self._calls = 0
        #: Whether the last call was begun by the ERP.
        self.begun = False
        for read in (self._read_answers, self._read_output):
            threading.Thread(target=read, name="worker", daemon=True).start()

    def call(self, name: str, arguments: _Message, config: WorkerConfig) -> _Message:
        """Raises Fault, TimeoutError (it hangs), EOFError (it died)."""
        self._calls += 1
        self.begun = False
        ends = time.monotonic() + config.start_timeout
        try:
            _send(self._process, {"id": self._calls, "call": name, "with": arguments})
        except OSError:
            raise EOFError from None
        while True:
            message = self._next(ends)
            if message.get("begun"):
                self.begun = True
                ends = time.monotonic() + config.call_timeout
            elif "done" in message:
                done: _Message = message["done"]
                return done
            elif "fault" in message:
                raise Fault(**message["fault"])

    def _next(self, ends: float) -> _Message:
        try:
            message = self._messages.get(timeout=max(ends - time.monotonic(), 0.0))
        except queue.Empty:
            raise TimeoutError from None
        if message is None:
            raise EOFError
        return message

    def _read_answers(self) -> None:
        assert self._process.stdout is not None
        with self._process.stdout as answers:
            for line in answers:
                message: _Message = json.loads(line)
                if "processes" in message:
                    self._note(message["processes"])
                else:
                    self._messages.put(message)
        self._messages.put(None)

    def _note(self, processes: list[int]) -> None:
        """Remember them as they are now: an id may be another process's later."""
        for process in processes:
            with contextlib.suppress(psutil.NoSuchProcess):
                self._started.append(psutil.Process(process))

    def _read_output(self) -> None:
        """What the ERP's libraries print stays on the site, in the connector's own log."""
        assert self._process.stderr is not None
        with self._process.stderr as output:
            for line in output:
                log.debug("worker", output=line.decode(errors="replace").rstrip())

    def close(self) -> None:
        """Let it log out and end."""
        assert self._process.stdin is not None
        with contextlib.suppress(OSError):
            self._process.stdin.close()
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(_END_WITHIN)
        self.end()

    def end(self) -> tuple[list[int], bool]:
        """Kill it and what it started: their ids, and whether all are gone."""
        doomed = [*self._family(), *(p for p in self._started if p.is_running())]
        for process in doomed:
            with contextlib.suppress(psutil.NoSuchProcess):
                process.kill()
        self._process.kill()
        self._process.wait()
        with contextlib.suppress(OSError):
            assert self._process.stdin is not None
            self._process.stdin.close()
        _, left = psutil.wait_procs(doomed, timeout=_END_WITHIN)
        return sorted({self._process.pid, *(p.pid for p in doomed)}), not left

    def _family(self) -> list[psutil.Process]:
        with contextlib.suppress(psutil.NoSuchProcess):
            return psutil.Process(self._process.pid).children(recursive=True)
        return []


def _send(process: subprocess.Popen[bytes], message: _Message) -> None:
    assert process.stdin is not None
    process.stdin.write(json.dumps(message).encode() + b"\n")
    process.stdin.flush()


def _roots(*modules: str) -> list[str]:
    """The folders to import the modules from."""
    found = []
    for module in modules:
        spec = find_spec(module)
        if spec is None or spec.origin is None:
            raise ImportError(f"there is no module {module}")
        found.append(str(Path(spec.origin).parents[module.count(".")]))
    return found
