"""Servers of DVC's remotes on loopback, which can be told to fail.

The one of S3 is moto's server of that protocol, over HTTP: DVC and boto speak to it as to any
other, and what a provider's storage does besides is not tried. The one of SFTP is asyncssh's.
"""

from __future__ import annotations

import asyncio
import os
import socket
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import Any, Literal

import asyncssh
from werkzeug.serving import WSGIRequestHandler

Fault = Literal["full", "forbidden", "slow", "overwrites", "gone"]
SLOW = 0.05
"""Seconds that a slow server takes for a request."""
ACCESS_KEY, SECRET_KEY, PASSWORD = "ann", "key-that-nobody-may-see", "pass-that-nobody-may-see"
BUCKET = "results"
ONLY_NEW = "HTTP_IF_NONE_MATCH"


class _Quiet(WSGIRequestHandler):
    def log(self, *_: Any) -> None:
        pass


class Failing:
    """What goes wrong with a server, and when.

    Attributes:
        fault: what goes wrong from now on.
    """

    def __init__(self) -> None:
        self.fault: Fault | None = None
        self._served = 0
        self._dies: tuple[int, Fault] | None = None

    def dies_after(self, results: int, fault: Fault) -> None:
        """Has something go wrong once so many files of results were read; listings are none."""
        self._served, self._dies = 0, (results, fault)

    def reads(self, path: str) -> None:
        """Hears what is read."""
        if self._dies is None or "/files/md5/" not in path or path.endswith(".dir"):
            return
        self._served += 1
        if self._served > self._dies[0]:
            (_, self.fault), self._dies = self._dies, None


class S3(Failing):
    """Moto's server of the S3 protocol, in a thread.

    Args of the constructor:
        host: the address that it binds.

    Attributes:
        endpoint: its address.
    """

    def __init__(self, host: str = "127.0.0.1") -> None:
        from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app
        from werkzeug.serving import make_server

        super().__init__()
        self._one = threading.Lock()
        self._serve = DomainDispatcherApplication(create_backend_app)
        self._server = make_server(host, 0, self._app, threaded=True, request_handler=_Quiet)
        self.endpoint = f"http://{host}:{self._server.port}"
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)
        self._thread.start()

    def _app(self, environ: dict[str, Any], start: Callable[..., Any]) -> Iterable[bytes]:
        writes = environ["REQUEST_METHOD"] in ("PUT", "POST")
        if environ["REQUEST_METHOD"] == "GET":
            self.reads(environ["PATH_INFO"])
        if self.fault == "gone":
            environ["werkzeug.socket"].shutdown(socket.SHUT_RDWR)
            return _refused(start, "503 Service Unavailable", "ServiceUnavailable")
        if self.fault == "full" and writes:
            return _refused(start, "507 Insufficient Storage", "InsufficientStorage")
        if self.fault == "forbidden":
            return _refused(start, "403 Forbidden", "AccessDenied")
        if self.fault == "slow":
            time.sleep(SLOW)
        if self.fault == "overwrites":  # as a server does that does not know of conditions
            environ.pop(ONLY_NEW, None)
        # It looks whether an object exists and writes it, which are two steps; those of S3 are one.
        with self._one if ONLY_NEW in environ else nullcontext():
            served: Iterable[bytes] = self._serve(environ, start)
            return served

    def stop(self) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


def _refused(start: Callable[..., Any], status: str, code: str) -> list[bytes]:
    start(status, [("Content-Type", "application/xml")])
    return [f"<Error><Code>{code}</Code><Message>{code}</Message></Error>".encode()]


@contextmanager
def s3(host: str = "127.0.0.1") -> Iterator[S3]:
    """A server of the S3 protocol with an empty bucket."""
    import boto3

    server = S3(host)
    try:
        credentials = {"aws_access_key_id": ACCESS_KEY, "aws_secret_access_key": SECRET_KEY}
        client = boto3.client(
            "s3", endpoint_url=server.endpoint, region_name="us-east-1", **credentials
        )
        client.create_bucket(Bucket=BUCKET)
        yield server
    finally:
        server.stop()


class _Files(asyncssh.SFTPServer):
    """Files of one folder, unless told to fail."""

    def __init__(self, channel: Any, *, ssh: Ssh) -> None:
        super().__init__(channel, chroot=os.fsencode(ssh.folder))
        self.ssh = ssh

    def open(self, path: bytes, pflags: int, attrs: Any) -> Any:
        if pflags & asyncssh.FXF_WRITE:
            self._writes()
        else:
            self.ssh.reads(path.decode())
            if self.ssh.fault == "slow":
                time.sleep(SLOW)
            if self.ssh.fault == "forbidden":
                raise asyncssh.SFTPPermissionDenied("Permission denied")
            if self.ssh.fault == "gone":
                self.channel.get_connection().abort()
        return super().open(path, pflags, attrs)

    def write(self, file_obj: Any, offset: int, data: bytes) -> Any:
        if self.ssh.fault == "full":
            raise asyncssh.SFTPFailure("No space left on device")
        return super().write(file_obj, offset, data)

    def mkdir(self, path: bytes, attrs: Any) -> Any:
        self._writes()
        return super().mkdir(path, attrs)

    def _writes(self) -> None:
        if self.ssh.fault == "forbidden":
            raise asyncssh.SFTPPermissionDenied("Permission denied")
        if self.ssh.fault == "slow":
            time.sleep(SLOW)


class _Accounts(asyncssh.SSHServer):
    """One user, unless the server is gone."""

    def __init__(self, ssh: Ssh) -> None:
        self.ssh = ssh

    def connection_made(self, conn: asyncssh.SSHServerConnection) -> None:
        if self.ssh.fault == "gone":
            conn.abort()

    def password_auth_supported(self) -> bool:
        return True

    def validate_password(self, username: str, password: str) -> bool:
        return (username, password) == (ACCESS_KEY, PASSWORD)


class Ssh(Failing):
    """An SSH server with SFTP in a thread, which shows one folder as its root.

    Attributes:
        folder: that it serves.
        port: where it listens.
    """

    def __init__(self, folder: Path) -> None:
        super().__init__()
        self.folder, self.port = folder, 0
        self._loop = asyncio.new_event_loop()
        started = threading.Event()
        self._thread = threading.Thread(target=self._run, args=(started,), daemon=True)
        self._thread.start()
        started.wait()

    def _run(self, started: threading.Event) -> None:
        asyncio.set_event_loop(self._loop)
        listening = asyncssh.listen(
            "127.0.0.1",
            0,
            server_factory=lambda: _Accounts(self),
            server_host_keys=[asyncssh.generate_private_key("ssh-ed25519")],
            sftp_factory=lambda channel: _Files(channel, ssh=self),
        )
        server = self._loop.run_until_complete(listening)
        self.port = server.get_port()
        started.set()
        self._loop.run_forever()
        server.close()
        self._loop.run_until_complete(server.wait_closed())
        self._loop.close()

    def stop(self) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()


@contextmanager
def ssh(folder: Path) -> Iterator[Ssh]:
    """An SSH server on a folder."""
    server = Ssh(folder)
    try:
        yield server
    finally:
        server.stop()
