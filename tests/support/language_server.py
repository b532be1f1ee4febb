"""A client of a language server over stdio: opens files, asks for completion and hover, and waits for diagnostics.

Written for the YAML language server, which pulls its settings from the client (`workspace/configuration`). The protocol
is LSP 3.17 (https://microsoft.github.io/language-server-protocol/specifications/lsp/3.17/specification/).
"""

from __future__ import annotations

import json
import os
import subprocess
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from queue import Empty, Queue
from typing import IO, Any, Final

Message = dict[str, Any]

SETTINGS: Final[dict[str, Any]] = {
    "yaml": {
        "validate": True,
        "hover": True,
        "completion": True,
        "schemaStore": {"enable": False},
        "kubernetesCRDStore": {"enable": False},
    },
    "http": {"proxy": "", "proxyStrictSSL": True},
}
CAPABILITIES: Final[dict[str, Any]] = {
    "workspace": {"configuration": True, "didChangeConfiguration": {"dynamicRegistration": True}},
    "textDocument": {
        "completion": {
            "completionItem": {
                "snippetSupport": True,
                "documentationFormat": ["markdown", "plaintext"],
            }
        },
        "hover": {"contentFormat": ["markdown", "plaintext"]},
        "publishDiagnostics": {},
    },
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """A position in a file as an editor counts: lines and characters from 0."""

    line: int
    character: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Squiggle:
    """A diagnostic of the server; its line counts from 1, as in `validate`."""

    line: int
    message: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Suggestion:
    """A completion: what the list shows, what is inserted, and the text beside it."""

    label: str
    inserts: str
    documentation: str


class LanguageServer:
    """One running server. Use `serve`, which ends it."""

    def __init__(self, process: subprocess.Popen[bytes], timeout: float) -> None:
        assert process.stdin is not None
        assert process.stdout is not None
        self._process, self._timeout = process, timeout
        self._input: IO[bytes] = process.stdin
        self._incoming: Queue[Message | None] = Queue()
        self._published: dict[str, list[Message]] = {}
        self._requests = 0
        self._reader = threading.Thread(target=self._read, args=(process.stdout,), daemon=True)
        self._reader.start()

    @property
    def exit_status(self) -> int | None:
        """How the server ended; None while it runs."""
        return self._process.poll()

    def start(self, folder: Path) -> None:
        """Introduces the client."""
        self._request(
            "initialize",
            {"processId": os.getpid(), "rootUri": folder.as_uri(), "capabilities": CAPABILITIES},
        )
        self._send({"method": "initialized", "params": {}})

    def stop(self) -> None:
        """Asks the server to end, and waits until it has."""
        self._request("shutdown", None)
        self._send({"method": "exit"})
        self._process.wait(self._timeout)

    def open(self, path: Path) -> None:
        """Opens a file as an editor does: with its text."""
        document = {
            "uri": path.as_uri(),
            "languageId": "yaml",
            "version": 1,
            "text": path.read_text(encoding="utf-8"),
        }
        self._send({"method": "textDocument/didOpen", "params": {"textDocument": document}})

    def squiggles(self, path: Path) -> list[Squiggle]:
        """What the server finds wrong with an opened file; waits until it has looked."""
        deadline = time.monotonic() + self._timeout
        while path.as_uri() not in self._published:
            self._receive(deadline)
        found = self._published[path.as_uri()]
        return [
            Squiggle(line=item["range"]["start"]["line"] + 1, message=item["message"])
            for item in found
        ]

    def complete(self, path: Path, place: Place) -> list[Suggestion]:
        """What the server offers at a place."""
        answer = self._request("textDocument/completion", _at(path, place))
        items = answer["items"] if isinstance(answer, dict) else answer or []
        return [
            Suggestion(
                label=item["label"],
                inserts=_inserted(item),
                documentation=_text(item.get("documentation")),
            )
            for item in items
        ]

    def hover(self, path: Path, place: Place) -> str:
        """The text the server shows at a place."""
        answer = self._request("textDocument/hover", _at(path, place))
        return _text(answer["contents"]) if answer else ""

    def _request(self, method: str, params: Any) -> Any:
        self._requests += 1
        self._send({"id": self._requests, "method": method, "params": params})
        deadline = time.monotonic() + self._timeout
        while True:
            message = self._receive(deadline)
            if message.get("id") == self._requests and "method" not in message:
                if "error" in message:
                    raise AssertionError(f"{method}: {message['error']}")
                return message["result"]

    def _send(self, message: Message) -> None:
        body = json.dumps({"jsonrpc": "2.0", **message}).encode()
        self._input.write(b"Content-Length: %d\r\n\r\n%s" % (len(body), body))
        self._input.flush()

    def _receive(self, deadline: float) -> Message:
        """The next message, after answering it if the server asked something and noting it if it published diagnostics."""
        try:
            message = self._incoming.get(timeout=max(0.0, deadline - time.monotonic()))
        except Empty:
            raise AssertionError(
                f"the language server said nothing for {self._timeout} s"
            ) from None
        if message is None:
            raise AssertionError(
                f"the language server ended with {self._process.wait(self._timeout)}"
            )
        if message.get("method") == "textDocument/publishDiagnostics":
            self._published[message["params"]["uri"]] = message["params"]["diagnostics"]
        elif "method" in message and "id" in message:
            self._send({"id": message["id"], "result": _answer(message)})
        return message

    def _read(self, stream: IO[bytes]) -> None:
        while length := _content_length(stream):
            self._incoming.put(json.loads(stream.read(length)))
        self._incoming.put(None)


@contextmanager
def serve(command: Sequence[str], folder: Path, *, timeout: float = 30) -> Iterator[LanguageServer]:
    """A server for the files of a folder. No process is left behind, whatever happens in between."""
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=folder
    ) as process:
        try:
            server = LanguageServer(process, timeout)
            server.start(folder)
            yield server
            server.stop()
        finally:
            process.kill()


def _answer(request: Message) -> Any:
    if request["method"] == "workspace/configuration":
        return [SETTINGS.get(item.get("section", ""), {}) for item in request["params"]["items"]]
    return None


def _at(path: Path, place: Place) -> Message:
    return {
        "textDocument": {"uri": path.as_uri()},
        "position": {"line": place.line, "character": place.character},
    }


def _content_length(stream: IO[bytes]) -> int:
    """Reads the header of a message; 0 at the end of the stream."""
    length = 0
    for line in iter(stream.readline, b""):
        name, _, value = line.strip().partition(b":")
        if not name:
            return length
        if name.lower() == b"content-length":
            length = int(value)
    return 0


def _inserted(item: Message) -> str:
    return str(item.get("textEdit", {}).get("newText") or item.get("insertText") or item["label"])


def _text(content: Any) -> str:
    return str(content.get("value", "")) if isinstance(content, dict) else str(content or "")
