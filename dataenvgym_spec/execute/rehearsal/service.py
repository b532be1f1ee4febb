"""A scripted teacher behind an address of this machine, which speaks OpenAI's chat completions.

What it answers depends on what is asked alone, and fits the JSON Schema that is asked for.
"""

from __future__ import annotations

import json
import random
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import MappingProxyType
from typing import Any, Final

from dataenvgym_spec.core.hashing import canonical, seed_from
from dataenvgym_spec.execute.rehearsal.filling import Filling

CHARACTERS_A_TOKEN: Final = 4
"""Of English, about; the real service counts by its own tokenizer."""
KEY: Final = "rehearsal"
"""The key that is sent to it."""


@dataclass(slots=True, kw_only=True)
class Asked:
    """What the scripted teacher was asked.

    Attributes:
        requests: how many questions.
        longest: characters of the longest, with its shape.
        allowed: by the name of a model, the longest answer that it was allowed, in tokens.
    """

    requests: int = 0
    longest: int = 0
    allowed: dict[str, int] = field(default_factory=dict)

    def count(self, body: Mapping[str, Any], letters: int) -> None:
        """Counts one request."""
        self.requests += 1
        self.longest = max(self.longest, letters)
        length = body.get("max_tokens") or body.get("max_completion_tokens") or 0
        model = str(body.get("model"))
        self.allowed[model] = max(length, self.allowed.get(model, 0))


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128

    def __init__(self, form: str, says: Mapping[str, Any]) -> None:
        super().__init__(("127.0.0.1", 0), _Completions)
        self.form, self.says = form, says
        self.asked, self.counting = Asked(), threading.Lock()


class _Completions(BaseHTTPRequestHandler):
    server: _Server
    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers.get("Content-Length", 0))) or b"{}")
        text = "\n".join(_said(message) for message in body.get("messages", ()))
        shape = body.get("response_format", {}).get("json_schema", {}).get("schema")
        identity = canonical([text, shape, body.get("seed"), body.get("model")])
        filling = Filling(
            form=self.server.form,
            says=self.server.says,
            text=text,
            rng=random.Random(seed_from("rehearsed", identity)),
        )
        answer = filling.spoken() if shape is None else json.dumps(filling.filled(shape))
        letters = len(text) + (0 if shape is None else len(json.dumps(shape)))
        with self.server.counting:
            self.server.asked.count(body, letters)
        self._answer(body, answer, letters)

    def _answer(self, body: Mapping[str, Any], answer: str, letters: int) -> None:
        choice: dict[str, Any] = {
            "index": 0,
            "finish_reason": "stop",
            "message": {"role": "assistant", "content": answer},
        }
        generated = -(-len(answer) // CHARACTERS_A_TOKEN)
        if body.get("logprobs"):
            choice["logprobs"] = {"content": [{"token": "", "logprob": -0.1}] * generated}
        usage = {
            "prompt_tokens": -(-letters // CHARACTERS_A_TOKEN),
            "completion_tokens": generated,
        }
        said = {"object": "chat.completion", "model": body.get("model"), "usage": usage}
        content = json.dumps({**said, "choices": [choice]}).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_arguments: object) -> None:
        """Says nothing."""


def _said(message: Mapping[str, Any]) -> str:
    """The text of a message, which may come in parts beside images."""
    content = message.get("content")
    if isinstance(content, str):
        return content
    parts = content if isinstance(content, list) else []
    return " ".join(str(part.get("text", "")) for part in parts)


@dataclass(frozen=True, slots=True, kw_only=True)
class Serving:
    """The service as it runs: where it is, and what it was asked so far."""

    address: str
    asked: Asked


@contextmanager
def scripted(form: str, says: Mapping[str, Any] = MappingProxyType({})) -> Iterator[Serving]:
    """The service on a free port of this machine, until the block ends.

    Args:
        form: of an answer that the task's scorer can read.
        says: what it writes in fields of those names, with ANSWER for the number; see `Filling`.
    """
    server = _Server(form, says)
    poll = {"poll_interval": 0.05}
    thread = threading.Thread(target=server.serve_forever, kwargs=poll, daemon=True)
    thread.start()
    try:
        yield Serving(address=f"http://127.0.0.1:{server.server_port}", asked=server.asked)
    finally:
        server.shutdown()
        server.server_close()
        thread.join(10)
