"""Hosts that share a folder: processes with names of their own, which nothing but that folder joins.

Each runs a stage as DVC has it run. In place of its executor it counts to a number, keeps the count where checkpoints are, and
makes a result that says which host counted what.
"""

from __future__ import annotations

import os
import signal
import socket
import sys
import time
import traceback
from multiprocessing import get_context
from pathlib import Path
from typing import Any

from dataenvgym_spec.core.errors import UserError
from dataenvgym_spec.execute import run
from dataenvgym_spec.store.layout import Layout
from tests.support.waiting import HANG, wait_until

STEPS = 20


class Host:
    """A host that runs one stage.

    Args of the constructor:
        name: of the host.
        repo: the repository.
        directory: of the stage.
        until: a file that it waits for after half of its work.
    """

    def __init__(self, name: str, repo: Path, directory: str, *, until: Path | None = None) -> None:
        self.name = name
        self.said = repo.parent / f"{name}.txt"
        # A copy of this process: it has imported all that a stage needs.
        self.process = get_context("fork").Process(
            target=_main, args=(name, self.said, repo, directory, until), daemon=True
        )
        self.process.start()

    def text(self) -> str:
        """What it has said so far."""
        return self.said.read_text(encoding="utf-8") if self.said.exists() else ""

    def wait_for(self, words: str) -> None:
        """Waits until it says something."""
        wait_until(lambda: words in self.text() or not self.process.is_alive(), words)
        assert words in self.text(), self.text()

    def send(self, number: signal.Signals) -> None:
        """Sends it a signal."""
        assert self.process.pid is not None
        os.kill(self.process.pid, number)

    def end(self) -> int | None:
        """Waits for its end; returns its exit code."""
        self.process.join(HANG)
        return self.process.exitcode

    def stop(self) -> None:
        """Kills it, however it stands."""
        self.process.kill()
        self.process.join()


def _counts(name: str, until: Path | None) -> Any:
    def execute(context: Any) -> None:
        kept = context.work / "counted.txt"
        kept.parent.mkdir(exist_ok=True)
        # Open all the time, as the file of a training that is being written.
        with kept.open("a+", encoding="utf-8") as file:
            file.seek(0)
            done = len(file.readlines())
            print(f"goes on from {done}", flush=True)
            for number in range(done, STEPS):
                if number == STEPS // 2:
                    print("half", flush=True)
                    while until is not None and not until.exists():
                        time.sleep(0.01)
                file.write(f"{name}\n")
                file.flush()
                time.sleep(0.02)
        for port in context.out_folder.iterdir():
            (port / "counted.txt").write_bytes(kept.read_bytes())
        (context.work / f"ended-{name}.txt").write_text("", encoding="utf-8")

    return execute


def _main(name: str, said: Path, repo: Path, directory: str, until: Path | None) -> None:
    """Runs a stage as a host of this name, and ends."""
    with said.open("wb") as output:
        os.dup2(output.fileno(), 1)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    vars(socket)["gethostname"] = lambda: name
    vars(run)["executor"] = lambda _kind: _counts(name, until)
    code = 0
    with open(1, "w", encoding="utf-8", closefd=False) as sys.stdout:
        try:
            run.run_stage(Layout(root=repo), directory)
        except UserError as error:
            print(f"error: {error.message} ({error.help})", flush=True)
            code = error.exit_code
        except BaseException:
            traceback.print_exc(file=sys.stdout)
            code = 2
    os._exit(code)
