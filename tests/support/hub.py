"""A hub on this machine, for the real client: it tells the commits of revisions of repositories that a test makes up."""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import unquote, urlparse

Revision = tuple[str, str, str]
"""`models` or `datasets`, the id of a repository, and a branch, tag or commit."""
ASKED = re.compile(r"/api/(models|datasets)/(.+)/revision/([^/]+)")


class Hub(ThreadingHTTPServer):
    """Answers as the hub's API does when a client asks for the commit of a revision.

    Attributes:
        commits: the commit of each revision that there is.
        asked: what was asked for, in order.
    """

    daemon_threads = True

    def __init__(self, commits: Mapping[Revision, str]) -> None:
        super().__init__(("127.0.0.1", 0), _Answers)
        self.commits, self.asked = dict(commits), list[Revision]()

    def reach(self, home: Path) -> dict[str, str]:
        """The environment in which the client asks this hub, with a cache of its own."""
        return {
            "HF_ENDPOINT": f"http://127.0.0.1:{self.server_address[1]}",
            "HF_HUB_OFFLINE": "0",
            "HF_HOME": str(home),
            "NO_PROXY": "127.0.0.1",
            "no_proxy": "127.0.0.1",
        }


class _Answers(BaseHTTPRequestHandler):
    server: Hub

    def do_GET(self) -> None:
        found = ASKED.fullmatch(urlparse(self.path).path)
        kind, name, revision = (found[1], found[2], unquote(found[3])) if found else ("", "", "")
        if found:  # the client has questions of its own too
            self.server.asked.append((kind, name, revision))
        commit = self.server.commits.get((kind, name, revision))
        known = any(key[:2] == (kind, name) for key in self.server.commits)
        body = {"id": name, "sha": commit} if commit else {"error": "not found"}
        self.send_response(200 if commit else 404)
        if not commit:
            self.send_header("X-Error-Code", "RevisionNotFound" if known else "RepoNotFound")
        self.send_header("Content-Type", "application/json")
        self.end_headers()
        self.wfile.write(json.dumps(body).encode())

    def log_message(self, *_arguments: object) -> None:
        """Says nothing."""


@contextmanager
def serving(commits: Mapping[Revision, str]) -> Iterator[Hub]:
    """A hub on a free port, which ends with the block."""
    server = Hub(commits)
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
