"""A team's tracking server, for real: MLflow with users and an artifact proxy, on PostgreSQL."""

from __future__ import annotations

import base64
import contextlib
import json
import os
import re
import shlex
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.support.pages import blocks
from tests.support.repositories import ROOT, environment
from tests.support.waiting import wait_until

ADMIN = ("admin", "an-admins-long-secret")
DATABASE_SECRET = "a-databases-long-secret"
SECRETS = {
    "MLFLOW_AUTH_ADMIN_PASSWORD": ADMIN[1],
    "MLFLOW_FLASK_SERVER_SECRET_KEY": "of-a-test",
}
"""What a server is told by its environment alone."""
PAGE = ROOT / "docs" / "tracking.md"
SHOWN_DATABASE = "postgresql+psycopg2://USER:PASSWORD@HOST/NAME"
SHOWN_ARTIFACTS = "/srv/mlflow"


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@dataclass(frozen=True, slots=True, kw_only=True)
class Ui:
    """`dataenvgym ui` in a repository, starting."""

    port: int
    process: subprocess.Popen[bytes]
    said: Path

    def look(self) -> str:
        """The first address that it prints once it answers: of the first of the saved views."""
        wait_until(lambda: "look at it" in self.said.read_text(), "the UI", self.process)
        found, *_ = re.findall(r"look at it: (\S+)", self.said.read_text())
        return str(found)


@contextmanager
def ui(folder: Path) -> Iterator[Ui]:
    """Starts `dataenvgym ui`; it ends with the block."""
    port, said = free_port(), folder / "ui.log"
    with said.open("w") as log:
        process = subprocess.Popen(
            ["dataenvgym", "ui", "--port", str(port)],
            cwd=folder,
            env=environment(),
            stdout=log,
            stderr=subprocess.DEVNULL,
        )
    try:
        yield Ui(port=port, process=process, said=said)
    finally:
        process.send_signal(signal.SIGINT)
        process.wait(30)


@contextmanager
def postgres() -> Iterator[str]:
    """A PostgreSQL server of its own with a password; yields the address of its database.

    It runs as the user `postgres` where this process is root, as it demands.
    """
    programs = _programs()
    # Not below pytest's own folder, which pytest closes to other users again and again.
    with tempfile.TemporaryDirectory(prefix="postgres-") as name:
        folder = Path(name)
        secret = folder / "secret"
        secret.write_text(DATABASE_SECRET, encoding="utf-8")
        as_user: list[str] = []
        if os.getuid() == 0:
            as_user = ["setpriv", "--reuid", "postgres", "--regid", "postgres", "--init-groups"]
            for path in (folder, secret):
                shutil.chown(path, "postgres", "postgres")
        data, port = folder / "data", free_port()
        login = ["-U", "tracker", f"--pwfile={secret}", "-A", "scram-sha-256"]
        _run([*as_user, f"{programs}/initdb", "-D", str(data), *login, "--no-sync"])
        options = f"-c listen_addresses=127.0.0.1 -p {port} -k {folder} -c fsync=off"
        control = [*as_user, f"{programs}/pg_ctl", "-D", str(data), "-w"]
        _run([*control, "-o", options, "-l", str(data / "log"), "start"])
        try:
            yield f"postgresql+psycopg2://tracker:{DATABASE_SECRET}@127.0.0.1:{port}/postgres"
        finally:
            _run([*control, "-m", "immediate", "stop"])


def _programs() -> Path:
    """The folder of PostgreSQL's programs; without them the test is skipped, with the reason."""
    found = shutil.which("initdb")
    places = [Path(found).resolve().parent] if found else []
    places += sorted(Path("/usr/lib/postgresql").glob("*/bin"))
    for place in places:
        if (place / "initdb").is_file() and (place / "pg_ctl").is_file():
            return place
    pytest.skip("no PostgreSQL here (initdb); on Debian: apt-get install postgresql")


def _run(command: list[str]) -> None:
    # Output to nowhere: PostgreSQL's children would keep a pipe open.
    subprocess.run(
        command, check=True, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL, cwd="/",
    )  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class MlflowServer:
    """A running server.

    Attributes:
        port: where it listens, on loopback.
        artifacts: the folder in which it keeps the files of runs.
    """

    port: int
    artifacts: Path

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def add_user(self, name: str, password: str) -> None:
        """Makes a user without any rights of its own."""
        self.ask("users/create", {"username": name, "password": password})

    def permit(self, user: str, experiment: str, permission: str) -> None:
        """Gives a user a permission of an experiment."""
        where = {"resource_type": "experiment", "resource_id": experiment}
        content = {"username": user, **where, "permission": permission}
        self.ask("users/permissions/grant", content, version="3.0")

    def ask(
        self,
        what: str,
        content: Mapping[str, Any] | None,
        method: str = "POST",
        *,
        version: str = "2.0",
    ) -> Any:
        """Asks as the administrator."""
        login = base64.b64encode(":".join(ADMIN).encode()).decode()
        request = urllib.request.Request(
            f"{self.address}/api/{version}/mlflow/{what}",
            data=None if content is None else json.dumps(content).encode(),
            headers={"Authorization": f"Basic {login}", "Content-Type": "application/json"},
            method=method,
        )
        with urllib.request.urlopen(request, timeout=60) as answer:
            return json.loads(answer.read() or b"{}")


def shown_command(database: str, artifacts: Path) -> list[str]:
    """The command by which docs/tracking.md starts a server, for another database and folder."""
    (text,) = [text for language, text in blocks(PAGE) if language == "sh"]
    exported, _, command = text.replace("\\\n", " ").partition("\n")
    assert dict.fromkeys(SECRETS, "...") == dict(
        word.split("=") for word in exported.removeprefix("export ").split()
    )
    words = shlex.split(command)
    own = {SHOWN_DATABASE: database, SHOWN_ARTIFACTS: str(artifacts)}
    assert words[0] == "mlflow" and {*own} <= {*words}
    return [own.get(word, word) for word in words]


@contextmanager
def mlflow_server(
    folder: Path, database: str, *, everybody: str = "READ"
) -> Iterator[MlflowServer]:
    """MLflow's server with its plug-in for users and its artifact proxy.

    Args:
        folder: where it keeps all but what is in the database.
        database: its address.
        everybody: the permission that all users have to what others have made.
    """
    folder.mkdir(parents=True)
    settings = folder / "auth.ini"
    settings.write_text(
        f"[mlflow]\ndefault_permission = {everybody}\ndatabase_uri = sqlite:///{folder}/users.db\n"
        # Else every request costs as much as a login.
        "auth_cache_ttl_seconds = 600\n"
        f"admin_username = {ADMIN[0]}\n"
        "authorization_function = mlflow.server.auth:authenticate_request_basic_auth\n",
        encoding="utf-8",
    )
    port, artifacts = free_port(), folder / "artifacts"
    command = [sys.executable, "-m", *shown_command(database, artifacts), "--workers", "1"]
    environment = {
        **os.environ,
        "MLFLOW_AUTH_CONFIG_PATH": str(settings),
        **SECRETS,
        "MLFLOW_DISABLE_TELEMETRY": "true",
        "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false",
    }
    environment.pop("MLFLOW_TRACKING_URI", None)
    with (folder / "log").open("w", encoding="utf-8") as log:
        process = subprocess.Popen(
            [*command, "--host", "127.0.0.1", "--port", str(port)],
            env=environment,
            cwd=folder,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    server = MlflowServer(port=port, artifacts=artifacts)
    try:
        wait_until(lambda: _answers(server), "the tracking server", process)
        yield server
    finally:
        # Its helpers outlive a SIGTERM of its own: the group is ended.
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def _answers(server: MlflowServer) -> bool:
    try:
        with urllib.request.urlopen(f"{server.address}/health", timeout=5) as answer:
            return bool(answer.status == 200)
    except (urllib.error.URLError, OSError):
        return False
