"""Log lines."""

from __future__ import annotations

import asyncio
import errno
import io
import json
import logging
import re
from collections.abc import Iterator

import pytest
import structlog

from mostek.wire import logs
from mostek.wire.logs import configure_logs


@pytest.fixture(autouse=True)
def _undone() -> Iterator[None]:
    yield
    structlog.reset_defaults()
    logging.basicConfig(level=logging.WARNING, handlers=[], force=True)


def test_a_line_is_json_with_its_message_and_fields() -> None:
    out = io.StringIO()
    configure_logs(json=True, stream=out)
    structlog.get_logger().info("call", command_id="7", connector="łąka")
    line = json.loads(out.getvalue())
    assert line.pop("time")
    assert line == {"message": "call", "level": "info", "command_id": "7", "connector": "łąka"}


def test_what_a_process_always_says_is_in_each_line_that_does_not_say_it_itself() -> None:
    out = io.StringIO()
    configure_logs(json=True, stream=out, connector="acme")
    structlog.get_logger().info("command")
    structlog.get_logger().info("other", connector="beta")
    lines = [json.loads(line) for line in out.getvalue().splitlines()]
    assert [line["connector"] for line in lines] == ["acme", "beta"]


def test_a_disk_that_takes_no_line_stops_nobody() -> None:
    class Full(io.StringIO):
        full = True

        def write(self, text: str) -> int:
            if self.full:
                raise OSError(errno.ENOSPC, "No space left on device")
            return super().write(text)

    out = Full()
    configure_logs(json=True, stream=out)
    structlog.get_logger().error("commands are refused")
    out.full = False
    structlog.get_logger().info("the journal is written again")
    assert [json.loads(line)["message"] for line in out.getvalue().splitlines()] == [
        "the journal is written again"
    ]


def test_lines_below_the_level_are_not_written() -> None:
    out = io.StringIO()
    configure_logs("warning", json=True, stream=out)
    structlog.get_logger().info("call")
    assert out.getvalue() == ""


def test_an_exception_is_written_with_its_traceback() -> None:
    out = io.StringIO()
    configure_logs(json=True, stream=out)
    try:
        raise ZeroDivisionError
    except ZeroDivisionError:
        structlog.get_logger().exception("crashed")
    assert "ZeroDivisionError" in json.loads(out.getvalue())["exception"]


@pytest.mark.parametrize("json", [True, False])
def test_what_callers_write_moves_no_cursor_and_begins_no_line(json: bool) -> None:
    stream = io.StringIO()
    configure_logs(json=json, stream=stream)
    structlog.get_logger().info("call", connector="\x1b]0;x\x07\x1b[2K\nlevel=error")
    logging.getLogger("grpc").warning("refused \x1b[2K")
    # Colours are the log's own.
    lines = re.sub(r"\x1b\[[0-9;]*m", "", stream.getvalue()).splitlines()
    assert len(lines) == 2
    assert all(line.isprintable() for line in lines)


@pytest.mark.parametrize("json", [True, False])
def test_a_traceback_shows_no_values_of_variables(json: bool) -> None:
    stream = io.StringIO()
    configure_logs(json=json, stream=stream)
    password = "".join(["hun", "ter2"])
    try:
        _fails_with(password)
    except ZeroDivisionError:
        structlog.get_logger().exception("it broke")
    assert "ZeroDivisionError" in stream.getvalue()
    assert "hunter2" not in stream.getvalue()


def _fails_with(password: str) -> None:
    raise ZeroDivisionError


def test_what_libraries_log_comes_out_the_same_way() -> None:
    out = io.StringIO()
    configure_logs(json=True, stream=out)
    logging.getLogger("library").warning("careful with %s", "this")
    line = json.loads(out.getvalue())
    assert (line["message"], line["logger"]) == ("careful with this", "library")


async def test_lines_of_an_event_loop_are_gathered_and_then_written_in_order(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(logs, "GATHER", 0)
    out = io.StringIO()
    configure_logs(json=True, stream=out)
    for number in range(3):
        structlog.get_logger().info("call", number=number)
    assert out.getvalue() == ""
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert [json.loads(line)["number"] for line in out.getvalue().splitlines()] == [0, 1, 2]
