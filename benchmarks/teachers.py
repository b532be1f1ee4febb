"""How near a remote teacher comes to what its service allows, with the journal in front of it.

`python benchmarks/teachers.py [REQUESTS]`: a service on loopback, a process of its own, that
answers each request after 50 ms and after 500 ms, asked with 64 in flight. Ideal is what as many
requests take if nothing takes any time but the service. Answers have a shape, which is checked.
Beside it bare aiohttp, which sends the same bodies and reads the JSON that comes back.
"""

from __future__ import annotations

import asyncio
import json
import multiprocessing
import os
import re
import resource
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import aiohttp
import msgspec
from measure import table

from dataenvgym_spec.execute.desk import Desk
from dataenvgym_spec.execute.journaled import Journaled
from dataenvgym_spec.gym.teachers import chat
from dataenvgym_spec.gym.teachers.openai import OpenAITeacher
from dataenvgym_spec.gym.teachers.protocol import Ask, Teacher
from dataenvgym_spec.store.journal import Journal

IN_FLIGHT, DELAYS = 64, (0.05, 0.5)
REQUESTS = 10_000
SHAPE = {
    "type": "object",
    "properties": {"question": {"type": "string"}, "answer": {"type": "integer"}},
    "required": ["question", "answer"],
    "additionalProperties": False,
}
TEXT = json.dumps({"question": "How many apples are left? " * 8, "answer": 3})
USAGE = {"prompt_tokens": 120, "completion_tokens": 60}
CHOICE = {"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": TEXT}}
BODY = json.dumps({"model": "made-up", "choices": [CHOICE], "usage": USAGE}).encode()
HEAD = f"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {len(BODY)}\r\n\r\n"
RESPONSE = HEAD.encode() + BODY
LENGTH = re.compile(rb"(?i)content-length: *(\d+)")
TARGETS = {0.05: 0.75, 0.5: 0.9}
"""The least share of the ideal, by delay in seconds."""
KEPT = "journal, shapes and accounts"
JSON = {"Content-Type": "application/json"}


class Answer(asyncio.Protocol):
    """A connection that knows little of HTTP: it is not the service that is measured."""

    def __init__(self, delay: float) -> None:
        self.delay, self.data = delay, b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keeps where answers go."""
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        """Answers a request that is whole, later."""
        self.data += data
        head, mark, body = self.data.partition(b"\r\n\r\n")
        if mark and len(body) >= int(LENGTH.findall(head)[0]):
            self.data = b""
            asyncio.get_running_loop().call_later(self.delay, self.transport.write, RESPONSE)


def serve(delay: float, told: Connection) -> None:
    """Answers until this process is ended."""

    async def run() -> None:
        loop = asyncio.get_running_loop()
        server = await loop.create_server(lambda: Answer(delay), "127.0.0.1", 0, backlog=1024)
        told.send(server.sockets[0].getsockname()[1])
        await server.serve_forever()

    asyncio.run(run())


@contextmanager
def service(delay: float) -> Iterator[str]:
    """The address of a service that takes so many seconds for each request."""
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    process = context.Process(target=serve, args=(delay, theirs), daemon=True)
    process.start()
    try:
        yield f"http://127.0.0.1:{ours.recv()}/v1"
    finally:
        process.terminate()
        process.join()


def teacher(address: str) -> OpenAITeacher:
    options: dict[str, Any] = {"max_tokens": 200, "logprobs": False, "timeout": 60, "retries": 2}
    return OpenAITeacher(
        model="made-up", provider="made-up", address=address, concurrency=IN_FLIGHT, **options
    )


def journaled(asked: Teacher, folder: Path) -> Journaled:
    """The teacher as the components of a stage have it."""
    (folder / "log").mkdir()

    def journal() -> Journal:
        return Journal(folder / "journal" / "journal.sqlite", say=print)

    desk = Desk(stage="s" * 64, seed=0, name="here", log=folder / "log", open_journal=journal)
    return Journaled(lambda: asked, identity="made-up", desk=desk, name="made-up", kind="openai")


def bare(asked: OpenAITeacher, asks: Sequence[Ask]) -> int:
    """Sends what the teacher sends, and does nothing with what comes."""
    bodies = [chat.body(ask, 0, asked.settings, asked.dialect) for ask in asks]
    left = map(msgspec.json.encode, bodies)

    async def send(session: aiohttp.ClientSession) -> int:
        count = 0
        for data in left:
            async with session.post(asked.target.url, data=data, headers=JSON) as response:
                msgspec.json.decode(await response.read())
                count += 1
        return count

    async def run() -> int:
        connector = aiohttp.TCPConnector(limit=0)
        async with aiohttp.ClientSession(connector=connector) as session:
            return sum(await asyncio.gather(*(send(session) for _ in range(IN_FLIGHT))))

    return asyncio.run(run())


def usable(asked: Teacher, asks: Sequence[Ask]) -> int:
    """Asks for all, one after the other, as a component does."""
    return sum(reply.usable for reply in asked.answer(asks))


Work = Callable[[OpenAITeacher, Sequence[Ask], Path], int]
WAYS: dict[str, Work] = {
    "bare aiohttp": lambda asked, asks, _folder: bare(asked, asks),
    "the teacher alone": lambda asked, asks, _folder: usable(asked, asks),
    KEPT: lambda asked, asks, folder: usable(journaled(asked, folder), asks),
}


def timed(work: Callable[[], int]) -> tuple[int, float, float, float]:
    """How many, seconds by the clock and of this processor, megabytes that memory grew by."""
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    started, worked = time.perf_counter(), time.process_time()
    count = work()
    wall, busy = time.perf_counter() - started, time.process_time() - worked
    grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    return count, wall, busy, grown / 1000


def rows(delay: float, amount: int) -> Iterator[list[str]]:
    """A row for each way, one after the other."""
    asks = [Ask.of(str(n), f"Question {n}. " * 20, shape=SHAPE) for n in range(amount)]
    ideal, first = amount * delay / IN_FLIGHT, 0.0
    for name, work in WAYS.items():
        with service(delay) as address, tempfile.TemporaryDirectory() as folder:
            asked = teacher(address)
            # What is imported and made once is there before it counts.
            list(asked.answer(asks[:IN_FLIGHT]))
            count, wall, busy, grown = timed(partial(work, asked, asks, Path(folder)))
        assert count == amount
        first = first or wall
        shares = [f"{ideal / wall:.2f}", f"{first / wall:.2f}"]
        least = f"{TARGETS[delay]:.2f}" if name == KEPT else ""
        yield [
            f"{delay * 1000:.0f} ms",
            name,
            f"{wall:.1f}",
            *shares,
            least,
            f"{busy:.1f}",
            f"{grown:.0f}",
        ]


def main() -> None:
    amount = int(sys.argv[1]) if len(sys.argv) > 1 else REQUESTS
    print(f"{amount} requests, {IN_FLIGHT} in flight, {os.cpu_count()} cores")
    head = ["each", "with", "s", "of the ideal", "of bare", "at least", "CPU s", "MB more"]
    table(head, [row for delay in DELAYS for row in rows(delay, amount)])


if __name__ == "__main__":
    main()
