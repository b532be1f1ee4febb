"""A chat completions service on loopback that misbehaves as it is told, and counts what it gave away.

It paints, too, where it is asked for images.
"""

from __future__ import annotations

import asyncio
import json
import threading
from base64 import b64encode
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any
from zlib import crc32

from aiohttp import web

from tests.support.images import drawn

Behaviour = Callable[["Service", web.Request, str], Awaitable[web.StreamResponse]]
"""What happens to a request for the answer to a question."""
USAGE = {"prompt_tokens": 3, "completion_tokens": 2, "prompt_tokens_details": {"cached_tokens": 1}}


class Service:
    """Answers each question with `re: QUESTION` once its behaviours are used up.

    Attributes:
        behaviours: of each question, by its text; of `*`, of any other one.
        requests: the bodies that came, in order.
        headers: of each, in order.
        given: how many whole answers each question was given, which would have been paid.
    """

    def __init__(self, behaviours: Mapping[str, Sequence[Behaviour]]) -> None:
        self.behaviours = {question: list(row) for question, row in behaviours.items()}
        self.requests: list[dict[str, Any]] = []
        self.headers: list[Mapping[str, str]] = []
        self.paths: list[str] = []
        self.given: Counter[str] = Counter()
        self.in_flight = self.most_in_flight = 0
        self.closing = asyncio.Event()
        self.address = ""

    def routes(self, app: web.Application) -> None:
        app.router.add_post("/{path:.*}", self.handle)

    async def handle(self, request: web.Request) -> web.StreamResponse:
        body = await request.json()
        self.requests.append(body)
        self.headers.append(dict(request.headers))
        self.paths.append(request.path_qs)
        question = text_of(body)
        rows = self.behaviours.get(question, self.behaviours.get("*", []))
        self.in_flight += 1
        self.most_in_flight = max(self.most_in_flight, self.in_flight)
        try:
            usual = painting() if "prompt" in body else answer()
            behaviour = rows.pop(0) if rows else usual
            return await behaviour(self, request, question)
        finally:
            self.in_flight -= 1


def text_of(body: Mapping[str, Any]) -> str:
    """The text of the last message of a request, or what an image is asked to show."""
    if "prompt" in body:
        return str(body["prompt"])
    content = body["messages"][-1]["content"]
    return content if isinstance(content, str) else content[-1]["text"]


@contextmanager
def serving(behaviours: Mapping[str, Sequence[Behaviour]] | None = None) -> Iterator[Service]:
    """A service in a thread of its own."""
    service = Service(behaviours or {})
    with listening(service.routes) as address:
        service.address = address
        yield service
        service.closing.set()


@contextmanager
def listening(routes: Callable[[web.Application], None]) -> Iterator[str]:
    """The address of a server in a thread of its own."""
    loop = asyncio.new_event_loop()
    runner: list[web.AppRunner] = []

    async def start() -> str:
        app = web.Application()
        routes(app)
        runner.append(web.AppRunner(app, shutdown_timeout=0))
        await runner[0].setup()
        site = web.TCPSite(runner[0], "127.0.0.1", 0)
        await site.start()
        host, port = runner[0].addresses[0][:2]
        return f"http://{host}:{port}/v1"

    async def stop() -> None:
        await runner[0].cleanup()

    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    try:
        yield asyncio.run_coroutine_threadsafe(start(), loop).result()
    finally:
        asyncio.run_coroutine_threadsafe(stop(), loop).result()
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()


# --- behaviours -------------------------------------------------------------------------------------


def completion(text: str | None, finish: str = "stop", **message: Any) -> dict[str, Any]:
    """The body of an answer."""
    choice = {"index": 0, "finish_reason": finish, "message": {"content": text, **message}}
    return {"model": "served-1", "choices": [choice], "usage": USAGE}


def answer(finish: str = "stop", text: str | None = "re: {question}", **message: Any) -> Behaviour:
    """A whole answer."""

    async def behave(service: Service, request: web.Request, question: str) -> web.StreamResponse:
        said = text.replace("{question}", question) if text else text
        response = web.json_response(completion(said, finish, **message))
        await response.prepare(request)
        await response.write_eof()
        service.given[question] += 1
        return response

    return behave


def painting(data: Any = None, **usage: int) -> Behaviour:
    """An image of a colour of its own for each description, or what is given in its place."""

    async def behave(service: Service, request: web.Request, question: str) -> web.StreamResponse:
        rows = [{"b64_json": b64encode(painted(question)).decode()}] if data is None else data
        response = web.json_response({"created": 1, "data": rows, "usage": usage or None})
        await response.prepare(request)
        await response.write_eof()
        service.given[question] += 1
        return response

    return behave


def painted(description: str) -> bytes:
    """The file that shows a description."""
    return drawn(colour=crc32(description.encode()) % 256)


def status(code: int, body: Any = "overloaded", **headers: str) -> Behaviour:
    """A status in place of an answer; of a header, `_` stands for `-`."""

    async def behave(service: Service, request: web.Request, question: str) -> web.StreamResponse:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        content = body if isinstance(body, str) else json.dumps(body)
        return web.Response(status=code, text=content, headers=named)

    return behave


def error(code: int, message: str, word: str = "") -> Behaviour:
    """A status with an error as the interface has it."""
    return status(code, {"error": {"message": message, "code": word}})


def body(text: str) -> Behaviour:
    """A status of success with some text."""
    return status(200, text)


async def hang(service: Service, request: web.Request, question: str) -> web.StreamResponse:
    """Nothing, ever."""
    await service.closing.wait()
    raise ConnectionResetError


async def reset(service: Service, request: web.Request, question: str) -> web.StreamResponse:
    """Half of an answer, and the connection is cut."""
    whole = json.dumps(completion("half")).encode()
    response = web.StreamResponse(headers={"Content-Length": str(len(whole))})
    await response.prepare(request)
    await response.write(whole[: len(whole) // 2])
    assert request.transport is not None
    request.transport.abort()
    return response


def drip(whole: bool) -> Behaviour:
    """An answer in small pieces, which ends or does not."""

    async def behave(service: Service, request: web.Request, question: str) -> web.StreamResponse:
        data = json.dumps(completion(f"re: {question}")).encode()
        response = web.StreamResponse(headers={"Content-Length": str(len(data))})
        await response.prepare(request)
        for start in range(0, len(data), 16):
            await response.write(data[start : start + 16])
            await asyncio.sleep(0)
            if not whole and start > len(data) // 2:
                return await hang(service, request, question)
        service.given[question] += 1
        return response

    return behave


def after(others: Sequence[str]) -> Behaviour:
    """An answer once others were given theirs."""

    async def behave(service: Service, request: web.Request, question: str) -> web.StreamResponse:
        while not all(service.given[other] for other in others):
            await asyncio.sleep(0.001)
        return await answer()(service, request, question)

    return behave


PASSING: dict[str, Sequence[Behaviour]] = {
    "429 without Retry-After": [status(429), status(429)],
    "429 with Retry-After": [status(429, retry_after="7")],
    "500": [status(500)],
    "503": [status(503, retry_after="2"), status(503)],
    "hangs": [hang],
    "reset in mid-body": [reset, reset],
    "invalid JSON": [body('{"choices": [{"mess')],
    "JSON of the wrong shape": [body('{"result": "re: q"}'), body('["re: q"]')],
    "an error under the status of success": [body('{"error": {"code": 503, "message": "full"}}')],
    "a drip that stops": [drip(whole=False)],
}
"""Faults that pass, by what they are called."""
