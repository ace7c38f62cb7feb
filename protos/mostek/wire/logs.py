"""How both ends log: a sentence without values, and fields; JSON lines, or coloured text on a terminal."""

from __future__ import annotations

import asyncio
import atexit
import contextlib
import logging
import sys
from collections.abc import MutableMapping
from datetime import UTC, datetime
from functools import partial
from typing import Any, TextIO

import orjson
import structlog

__all__ = ["LEVELS", "configure_logs", "set_level"]

#: Names of levels, the most talkative first.
LEVELS = ("debug", "info", "warning", "error")
#: Lines written in an event loop wait this long for others, seconds: a system call per call would slow the calls.
GATHER = 0.1


class _Threshold:
    """Drops lines below a level, which may change at any time."""

    def __init__(self) -> None:
        self._dropped: frozenset[str] = frozenset()

    def set(self, level: str) -> None:
        self._dropped = frozenset(LEVELS[: LEVELS.index(level)])

    def __call__(
        self, _: object, method: str, event: structlog.types.EventDict
    ) -> structlog.types.EventDict:
        if method in self._dropped:
            raise structlog.DropEvent
        return event


_threshold = _Threshold()
#: Sets the level of the process's log, one of LEVELS, from now on.
set_level = _threshold.set


def configure_logs(
    level: str = "info", *, json: bool | None = None, stream: TextIO | None = None, **always: str
) -> None:
    """Set up structlog for the process. `level` is one of LEVELS; `json` None: unless on a terminal.

    Each JSON line has the fields `always`, besides its own.
    """
    stream = stream or sys.stderr
    set_level(level)
    as_json = not stream.isatty() if json is None else json
    coloured: list[structlog.types.Processor] = [
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True, key="time"),
        _without_controls,
        # Not its own choice, which shows the values of variables: secrets are among them.
        structlog.dev.ConsoleRenderer(exception_formatter=structlog.dev.plain_traceback),
    ]
    structlog.configure(
        processors=[_threshold, *([partial(_json_line, always)] if as_json else coloured)],
        logger_factory=_Lines(stream),
        cache_logger_on_first_use=True,
    )
    # Libraries log in the standard way; what they say goes the same way as what we say.
    logging.basicConfig(level=logging.WARNING, handlers=[_FromLibraries()], force=True)


def _without_controls(
    _: object, __: str, event: structlog.types.EventDict
) -> structlog.types.EventDict:
    """Some values are as callers wrote them: a terminal would do what their control characters say."""
    for name, value in event.items():
        if isinstance(value, str) and not value.isprintable():
            event[name] = ascii(value)
    return event


def _json_line(
    always: dict[str, str], logger: object, level: str, event: MutableMapping[str, Any]
) -> str:
    """The line of an event. One step instead of structlog's five: each call has a line on both sides."""
    if "exc_info" in event:
        event = structlog.processors.format_exc_info(logger, level, event)
    for name, value in always.items():
        event.setdefault(name, value)
    event["message"] = event.pop("event")
    event["level"] = "error" if level == "exception" else level
    event["time"] = datetime.now(UTC)
    return orjson.dumps(event, default=repr, option=orjson.OPT_UTC_Z).decode()


class _FromLibraries(logging.Handler):
    """Passes records of the standard library's logging on."""

    def emit(self, record: logging.LogRecord) -> None:
        structlog.get_logger().log(
            record.levelno, record.getMessage(), logger=record.name, exc_info=record.exc_info
        )


class _Lines:
    """A logger and its factory: lines go out at once, or gathered for a moment inside an event loop."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._lines: list[str] = []
        atexit.register(self._flush)

    def __call__(self, *args: object) -> _Lines:
        return self

    def msg(self, line: str) -> None:
        """Write one line."""
        try:
            loop = asyncio.get_running_loop()
        except RuntimeError:
            self._lines.append(line)
            self._flush()
            return
        if not self._lines:
            loop.call_later(GATHER, self._flush)
        self._lines.append(line)

    debug = info = warning = error = critical = exception = msg

    def _flush(self) -> None:
        lines, self._lines = self._lines, []
        # What can't be written, as to a disk that is full, is lost: whoever says it has other work to do.
        with contextlib.suppress(OSError):
            if lines:
                self._stream.write("\n".join(lines) + "\n")
                self._stream.flush()
