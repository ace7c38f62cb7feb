"""Connectors of earlier days, played from recordings of what they said (recordings/record.py)."""

from __future__ import annotations

import asyncio
import base64
import json
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import grpc
import pytest
from google.protobuf.message import Message

from mostek.link.v1.link_pb2 import HubToConnector

from .conftest import World
from .recordings.record import CONNECT, scenario

if TYPE_CHECKING:
    Connect = grpc.aio.StreamStreamMultiCallable[bytes, bytes]

RECORDINGS = sorted(Path(__file__).with_name("recordings").glob("connector-*.json"))
#: Frames whose moment depends on the clock: a player does not wait for them.
UNTIMED = {"credit", "heartbeat"}


@dataclass
class Player:
    """Says what the recorded connector said, each time after the hub has said what it had said then."""

    knows: dict[str, list[int]]
    frames: list[tuple[str, str, str]]
    #: Frames that the hub sent, in order, and those of them that were waited for.
    heard: list[HubToConnector] = field(default_factory=list)
    _ids: dict[str, str] = field(default_factory=dict)
    _came: asyncio.Queue[HubToConnector] = field(default_factory=asyncio.Queue)

    async def play(self, address: str) -> None:
        """The whole recording, on one stream."""
        async with grpc.aio.insecure_channel(address) as channel:
            connect: Connect = channel.stream_stream(CONNECT)
            async for answer in connect(self._said()):
                frame = HubToConnector.FromString(answer)
                self.heard.append(frame)
                if frame.WhichOneof("frame") not in UNTIMED:
                    self._came.put_nowait(frame)

    async def _said(self) -> AsyncIterator[bytes]:
        for way, kind, text in self.frames:
            frame = base64.b64decode(text)
            if way == "up":
                for recorded, live in self._ids.items():
                    # Ids are of one length, so that nothing around them changes.
                    frame = frame.replace(recorded.encode(), live.encode())
                yield frame
            elif kind not in UNTIMED:
                await self._expect(kind, HubToConnector.FromString(frame))

    async def _expect(self, kind: str, recorded: HubToConnector) -> None:
        async with asyncio.timeout(5):
            came = await self._came.get()
        assert came.WhichOneof("frame") == kind
        if kind == "command":
            assert len(came.command.command_id) == len(recorded.command.command_id)
            assert came.command.operation == recorded.command.operation
            self._ids[recorded.command.command_id] = came.command.command_id

    def unknown(self) -> list[str]:
        """Fields of what the hub sent that this connector had never heard of."""
        found = (pair for frame in self.heard for pair in _fields(frame))
        return sorted(
            {f"{name}.{number}" for name, number in found if number not in self.knows[name]}
        )


def recorded(file: Path) -> Player:
    """What plays the recording."""
    return Player(**json.loads(file.read_text(encoding="ascii")))


def _fields(message: Message) -> Iterator[tuple[str, int]]:
    for descriptor, value in message.ListFields():
        yield message.DESCRIPTOR.full_name, descriptor.number
        inner = value if descriptor.is_repeated else [value]
        for one in inner if descriptor.message_type else ():
            yield from _fields(one)


@pytest.mark.parametrize("file", RECORDINGS, ids=lambda file: file.stem)
async def test_an_older_connector_is_served_and_told_nothing_that_it_does_not_know(
    world: World, file: Path
) -> None:
    player = recorded(file)
    connector = asyncio.create_task(player.play(world.addresses.link))
    await world.until(lambda: world.online("old"))
    assert await scenario(world.client) == [
        "7",
        "50 customers",
        "NotFound: No such customer.",
        "written as 1",
        "8",
    ]
    # The recorded connector said goodbye, and the hub lets it go.
    async with asyncio.timeout(5):
        await connector
    assert player.unknown() == []
    [welcome] = [frame.welcome for frame in player.heard if frame.HasField("welcome")]
    assert welcome.capabilities == []
    await world.until(lambda: not world.online("old"))


def test_there_is_a_recording() -> None:
    assert RECORDINGS
