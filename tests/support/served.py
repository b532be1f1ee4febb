"""What a run keeps between its stages, in tests: the run, and a program that stands for vLLM's server."""

from __future__ import annotations

import json
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from dataenvgym_spec.execute.warm.client import WORKER
from dataenvgym_spec.execute.warm.engines import kept_engine
from dataenvgym_spec.graph.component import Component
from tests.support.training import SETTINGS
from tests.support.waiting import wait_until

TOLD = Component(slot="backend", kind="told", version=1)
"""A backend that repeats what it is asked; see `execute/test_engines.py`."""

OPTIONS: dict[str, Any] = {
    "dtype": "float32", "temperature": 1.0, "top_p": 1.0, "max_tokens": 24, "logprobs": False,
    "concurrency": 4, "timeout": 60.0, "retries": 0,
}  # fmt: skip
STAND_IN = """
import json, os, signal, subprocess, sys, time
from http.server import BaseHTTPRequestHandler, HTTPServer
given = dict(part[2:].split("=", 1) for part in sys.argv[1:] if "=" in part)
if os.path.exists(given["model"] + "/broken"):
    print("this model cannot be", os.environ["VLLM_API_KEY"]); sys.exit(3)
child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
if os.path.exists(given["model"] + "/slow"):
    signal.signal(signal.SIGTERM, lambda *_: (time.sleep(2), os._exit(0)))
open(given["model"] + "/pids", "w").write(f"{os.getpid()} {child.pid}")
if os.path.exists(given["model"] + "/never"): time.sleep(600)
class Handler(BaseHTTPRequestHandler):
    def log_message(self, *given): pass
    def say(self, code, content):
        data = json.dumps(content).encode()
        self.send_response(code); self.send_header("Content-Length", str(len(data)))
        self.end_headers(); self.wfile.write(data)
    def do_GET(self): self.say(200, {})
    def do_POST(self):
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        if self.headers["Authorization"] != "Bearer " + os.environ["VLLM_API_KEY"]:
            return self.say(401, {})
        text = body["messages"][-1]["content"] + " to " + body["model"] + " as " + given["dtype"]
        message = {"role": "assistant", "content": text}
        self.say(200, {"model": body["model"], "usage": {"prompt_tokens": 1, "completion_tokens": 2},
                       "choices": [{"message": message, "finish_reason": "stop"}]})
HTTPServer(("127.0.0.1", int(given["port"])), Handler).serve_forever()
"""


def pids(model: Path) -> list[int]:
    """The processes of the program that stands for a server of a model, and of its child."""
    return [int(pid) for pid in (model / "pids").read_text(encoding="utf-8").split()]


def kept(
    component: Component, base: Path | None, student: Path, content: str | None = "one"
) -> Any:
    return kept_engine(
        component, settings=SETTINGS, student=student, base=base, content=content, files={}
    )


class Run:
    """A run whose engines are kept, of which this process is a stage.

    Attributes:
        folder: its repository.
        base: a folder for a model.
        process: that of the run.
    """

    def __init__(self, folder: Path, sockets: Path) -> None:
        self.folder, self.sockets = folder, sockets
        self.process = subprocess.Popen(["sleep", "600"])
        self.base = folder / "base"
        self.base.mkdir()

    def adapter(self, name: str, says: str, **config: Any) -> Path:
        """A folder that stands for an adapter."""
        folder = self.folder / name
        folder.mkdir()
        (folder / "says.txt").write_text(says, encoding="utf-8")
        (folder / "adapter_config.json").write_text(json.dumps(config), encoding="utf-8")
        return folder

    def said(self, student: Path, prompt: str = "?") -> str:
        """What an engine that is kept says."""
        with kept(TOLD, self.base, student) as engine:
            assert engine is not None
            text: str = engine.generate([prompt])[0].text
            return text

    def engines(self) -> set[int]:
        """The processes that keep engines."""
        command = ["pgrep", "-f", str(self.sockets)]
        said = subprocess.run(command, capture_output=True, text=True, check=False).stdout
        return {int(pid) for pid in said.split()}

    def connections(self) -> int:
        """Sockets that the engines have open."""
        open_ = [
            fd.readlink() for pid in self.engines() for fd in Path(f"/proc/{pid}/fd").iterdir()
        ]
        return sum(str(one).startswith("socket:") for one in open_)

    def loads(self) -> int:
        """How often an engine was started."""
        log = self.folder / ".dataenvgym" / "engines.log"
        return log.read_text(encoding="utf-8").count("loaded ")


@contextmanager
def kept_for_a_run(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Run]:
    """A run of which this process is a stage; at the end, and with it, all that it keeps has ended."""
    (folder / ".dvc").mkdir()
    monkeypatch.chdir(folder)
    # The path of a socket has at most 107 signs.
    with tempfile.TemporaryDirectory() as sockets:
        made = Run(folder, Path(sockets))
        monkeypatch.setenv(WORKER, f"{sockets}/{made.process.pid}-1-heavy.sock")
        try:
            yield made
        finally:
            made.process.kill()
            made.process.wait()
            wait_until(lambda: not made.engines(), "what is kept ends with its run")
            assert not list(Path(sockets).iterdir())
