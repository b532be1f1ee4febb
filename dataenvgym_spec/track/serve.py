"""MLflow's web server as a child process that never outlives its caller."""

from __future__ import annotations

import contextlib
import ctypes
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Final

from dataenvgym_spec.core.errors import UserError
from dataenvgym_spec.store.locks import PR_SET_PDEATHSIG
from dataenvgym_spec.track.address import DEFAULTS

PATIENCE: Final = 10.0
"""Seconds that the server has for an orderly end."""

SETTINGS: Final = {
    **DEFAULTS,
    "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false",
    "PYTHONWARNINGS": "ignore",
}
"""Settings of the server unless the user set them.

Its job runner is a process more, for features that are not used here.
"""


def check_port(host: str, port: int) -> None:
    """Makes sure that a server can listen there.

    Raises:
        UserError: it cannot, with the flag to use.
    """
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM
        )[0]
        with socket.socket(family, kind, protocol) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(address)
    except socket.gaierror as error:
        raise UserError(
            f"'{host}' is no address of this machine", help="run: dataenvgym ui --host 127.0.0.1"
        ) from error
    except OSError as error:
        what = f"port {port} on {host} cannot be used: {error.strerror}"
        raise UserError(what, help=f"run: dataenvgym ui --port {_free(host)}") from error


def _free(host: str) -> int:
    """A port that nobody uses now."""
    with socket.socket() as probe:
        with contextlib.suppress(OSError):
            probe.bind((host, 0))
        return int(probe.getsockname()[1]) or 5001


def serve(database: str, artifacts: Path, host: str, port: int, ready: Callable[[], None]) -> int:
    """Runs the server until it ends or this process is told to end; leaves no process behind.

    Args:
        database: the tracking database.
        artifacts: where runs of experiments made in the browser keep files.
        host: the address to listen at.
        port: the port.
        ready: called once, when the server answers.

    Returns:
        The server's exit code; 0 if it was told to end.
    """
    command = [
        sys.executable,
        "-m",
        __name__,
        str(os.getpid()),
        "server",
        "--backend-store-uri",
        database,
        "--default-artifact-root",
        artifacts.as_uri(),
    ]
    command += ["--host", host, "--port", str(port), "--workers", "1"]
    environment = {**SETTINGS, **os.environ}
    environment.pop("MLFLOW_TRACKING_URI", None)
    with _told_to_end() as told:
        # A session of its own: MLflow starts workers of its own, and they are ended together.
        child = subprocess.Popen(
            command, env=environment, start_new_session=True, stdin=subprocess.DEVNULL
        )
        try:
            announced = False
            while child.poll() is None and not told:
                if not announced and _answers(host, port):
                    announced = True
                    ready()
                time.sleep(0.2)
        finally:
            _end(child)
    return 0 if told else child.returncode


@contextmanager
def _told_to_end() -> Iterator[list[int]]:
    """Collects the signals that ask this process to end, instead of ending at once."""
    told: list[int] = []

    def note(number: int, _: FrameType | None) -> None:
        told.append(number)

    before = {
        number: signal.signal(number, note)
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    }
    try:
        yield told
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _answers(host: str, port: int) -> bool:
    try:
        with socket.create_connection(
            (host if host != "0.0.0.0" else "127.0.0.1", port), timeout=0.5
        ):
            return True
    except OSError:
        return False


def _end(child: subprocess.Popen[bytes]) -> None:
    """Ends the server, which waits for its workers, and then by force whoever is left of them."""
    for number in (signal.SIGTERM, signal.SIGKILL):
        with contextlib.suppress(ProcessLookupError):
            os.killpg(child.pid, number)
        with contextlib.suppress(subprocess.TimeoutExpired):
            child.wait(PATIENCE)


def main(parent: int, arguments: list[str]) -> None:
    """Becomes the server, with the kernel's promise of a SIGTERM when the caller is killed (Linux).

    MLflow passes it on to its workers.
    """
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)
    if os.getppid() == parent:
        os.execv(sys.executable, [sys.executable, "-m", "mlflow", *arguments])


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2:])
