"""A running connector's log follows the configuration file."""

from __future__ import annotations

import asyncio
import io
import os
from collections.abc import Iterator
from pathlib import Path

import pytest
import structlog

from mostek.connector import cli
from mostek.wire.logs import GATHER, configure_logs

TEXT = '[connector]\nname = "acme"\nlog_level = "{}"\n'


@pytest.fixture
def log(monkeypatch: pytest.MonkeyPatch) -> Iterator[io.StringIO]:
    monkeypatch.setattr(cli, "LOOK_EVERY", 0.001)
    out = io.StringIO()
    configure_logs("info", json=True, stream=out)
    yield out
    structlog.reset_defaults()


async def until(log: io.StringIO, text: str) -> None:
    async with asyncio.timeout(5):
        while text not in log.getvalue():  # noqa: ASYNC110 - what is waited for is in another coroutine
            await asyncio.sleep(0.001)


def write(file: Path, text: str, at: int) -> None:
    file.write_text(text, encoding="utf-8")
    # Two writes within one tick of the file system's clock are two changes all the same.
    os.utime(file, (at, at))


async def test_a_changed_level_holds_and_a_broken_file_leaves_it_as_it_was(
    log: io.StringIO, tmp_path: Path
) -> None:
    file = tmp_path / "connector.toml"
    write(file, TEXT.format("info"), 1)
    following = asyncio.create_task(cli._follow_log_level(file))
    # It has seen the file as it is.
    await asyncio.sleep(0)
    structlog.get_logger().debug("before")
    write(file, TEXT.format("debug"), 2)
    await until(log, "that of the file")
    structlog.get_logger().debug("after")
    write(file, "[connector\n", 3)
    await until(log, "not right")
    structlog.get_logger().debug("still")
    await until(log, "still")
    following.cancel()
    await asyncio.sleep(2 * GATHER)
    assert '"after"' in log.getvalue()
    assert '"before"' not in log.getvalue()
