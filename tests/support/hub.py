"""A hub on this machine, for the real client: it has the repositories that a test makes up."""

from __future__ import annotations

import hashlib
import json
import re
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import MappingProxyType
from urllib.parse import unquote, urlparse

Revision = tuple[str, str, str]
"""`models` or `datasets`, the id of a repository, and a branch, tag or commit."""
ASKED = re.compile(r"/api/(models|datasets)/(.+)/revision/([^/]+)")


FETCHED = re.compile(r"/datasets/(.+)/resolve/[^/]+/(.+)")
LISTED = re.compile(r"/api/datasets/(.+)/tree/[^/]+/?(.*)")
Files = Mapping[str, bytes]
"""The files of a data set, by their paths in it."""


class Hub(ThreadingHTTPServer):
    """Answers as the hub does when a client asks for the commit of a revision, and for files of data sets.

    Attributes:
        commits: the commit of each revision that there is.
        files: those of each data set that has any.
        asked: the revisions that were asked for, in order.
    """

    daemon_threads = True

    def __init__(self, commits: Mapping[Revision, str], files: Mapping[str, Files]) -> None:
        super().__init__(("127.0.0.1", 0), _Answers)
        self.commits, self.files, self.asked = dict(commits), files, list[Revision]()

    def reach(self, home: Path) -> dict[str, str]:
        """The environment in which the client asks this hub, with a cache of its own."""
        return {
            "HF_ENDPOINT": f"http://127.0.0.1:{self.server_address[1]}",
            "HF_HUB_OFFLINE": "0",
            "HF_HOME": str(home),
            "NO_PROXY": "127.0.0.1",
            "no_proxy": "127.0.0.1",
        }

    def commit(self, kind: str, name: str, revision: str) -> str | None:
        """The commit of a revision; one is its own."""
        pinned = {commit for key, commit in self.commits.items() if key[:2] == (kind, name)}
        return revision if revision in pinned else self.commits.get((kind, name, revision))


class _Answers(BaseHTTPRequestHandler):
    server: Hub

    def do_GET(self) -> None:
        path = urlparse(self.path).path
        if found := ASKED.fullmatch(path):
            self._revision(found[1], found[2], unquote(found[3]))
        elif found := FETCHED.fullmatch(path):
            self._file(found[1], unquote(found[2]))
        elif found := LISTED.fullmatch(path):
            self._folder(found[1], unquote(found[2]))
        else:  # the client has questions of its own too
            self._say({"error": "not found"}, 404)

    do_HEAD = do_GET

    def _revision(self, kind: str, name: str, revision: str) -> None:
        self.server.asked.append((kind, name, revision))
        if commit := self.server.commit(kind, name, revision):
            files = self.server.files.get(name, {})
            self._say(
                {"id": name, "sha": commit, "siblings": [{"rfilename": file} for file in files]}
            )
            return
        known = any(key[:2] == (kind, name) for key in self.server.commits)
        code = "RevisionNotFound" if known else "RepoNotFound"
        self._say({"error": "not found"}, 404, {"X-Error-Code": code})

    def _file(self, name: str, path: str) -> None:
        content = self.server.files.get(name, {}).get(path)
        if content is None:
            self._say({"error": "not found"}, 404, {"X-Error-Code": "EntryNotFound"})
            return
        commit = self.server.commits["datasets", name, "main"]
        headers = {"ETag": f'"{_oid(content)}"', "X-Repo-Commit": commit}
        self._send(content, 200, headers)

    def _folder(self, name: str, folder: str) -> None:
        rows = [
            {"type": "file", "path": path, "size": len(content), "oid": _oid(content)}
            for path, content in self.server.files.get(name, {}).items()
            if path.startswith(folder)
        ]
        self._say(rows)

    def _say(
        self, body: object, status: int = 200, headers: Mapping[str, str] = MappingProxyType({})
    ) -> None:
        self._send(json.dumps(body).encode(), status, headers)

    def _send(self, content: bytes, status: int, headers: Mapping[str, str]) -> None:
        self.send_response(status)
        for name, value in {**headers, "Content-Length": str(len(content))}.items():
            self.send_header(name, value)
        self.end_headers()
        if self.command == "GET":
            self.wfile.write(content)

    def log_message(self, *_arguments: object) -> None:
        """Says nothing."""


def _oid(content: bytes) -> str:
    return hashlib.sha1(content).hexdigest()


@contextmanager
def serving(
    commits: Mapping[Revision, str], files: Mapping[str, Files] = MappingProxyType({})
) -> Iterator[Hub]:
    """A hub on a free port, which ends with the block."""
    server = Hub(commits, files)
    thread = threading.Thread(
        target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True
    )
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()
        thread.join(10)
