"""Tests in two processes that collected once: `pytest -p tests.support.workers`.

Collecting imports torch, transformers and MLflow and rewrites the assertions of every test, which takes as long as a tenth of all
tests. Workers of pytest-xdist do it once each; here they are forks of the process that has done it, share its memory, and take
one file after the other. What they report is told by that process, as if it had run the tests itself.
"""

from __future__ import annotations

import atexit
import contextlib
import os
import pickle
import select
import signal
import traceback
import warnings
from collections.abc import Iterator
from itertools import groupby
from tempfile import TemporaryFile
from typing import Any

import pytest
from _pytest.capture import FDCapture

HEAD = 8
"""Bytes that say how long a message is."""
TURN = 2
"""Bytes of the number of a file in the pipe from which workers take them."""


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--forks", type=int, default=2, help="how many processes run tests")


@pytest.hookimpl(tryfirst=True)
def pytest_runtestloop(session: pytest.Session) -> bool | None:
    """Has forks of this process run all tests, file by file."""
    options = session.config.option
    distributed = getattr(options, "dist", "no") != "no" or hasattr(session.config, "workerinput")
    if session.testsfailed or options.collectonly or distributed:
        return None
    files = [list(items) for _, items in groupby(session.items, lambda item: item.path)]
    files.sort(key=len, reverse=True)
    session.config._tmp_path_factory.getbasetemp()  # type: ignore[attr-defined]  # one for all
    turns = _turns(len(files))
    workers = [Worker(session, files, turns) for _ in range(options.forks)]
    os.close(turns)
    try:
        for message in _told(workers):
            _pass_on(session.config, message)
            if session.shouldfail:
                raise session.Failed(session.shouldfail)
    finally:
        for worker in workers:
            worker.end()
    return True


def _pass_on(config: pytest.Config, message: dict[str, Any]) -> None:
    """Tells the plugins of this process what came from a worker."""
    if "warning" in message:
        told = message["warning"]
        category = type(told.pop("category"), (Warning,), {})
        warning = warnings.WarningMessage(category=category, **told.pop("shown"))
        config.hook.pytest_warning_recorded.call_historic(
            kwargs={"warning_message": warning, **told}
        )
    else:
        report = config.hook.pytest_report_from_serializable(config=config, data=message)
        config.hook.pytest_runtest_logreport(report=report)


def _turns(count: int) -> int:
    """A pipe that holds the numbers of the files, each to be taken once."""
    taking, giving = os.pipe()
    os.write(giving, b"".join(number.to_bytes(TURN, "big") for number in range(count)))
    os.close(giving)
    return taking


def _told(workers: list[Worker]) -> Iterator[dict[str, Any]]:
    """The reports of all workers as they come.

    Raises:
        RuntimeError: a worker ended before it was done.
    """
    working = {worker.reports: worker for worker in workers}
    while working:
        for descriptor in select.select(list(working), [], [])[0]:
            message = _read(descriptor)
            if message is None:
                raise RuntimeError(f"a process ended while it ran {working[descriptor].last}")
            if message == {}:
                working.pop(descriptor).done = True
            elif "starts" in message:
                working[descriptor].last = message["starts"]
            else:
                yield message


def _read(descriptor: int) -> dict[str, Any] | None:
    """A message; None if there will be no other."""
    head = _exactly(descriptor, HEAD)
    data = _exactly(descriptor, int.from_bytes(head, "big")) if len(head) == HEAD else b""
    message: dict[str, Any] | None = pickle.loads(data) if data else None
    return message


def _exactly(descriptor: int, size: int) -> bytes:
    data = b""
    while len(data) < size:
        more = os.read(descriptor, size - len(data))
        if not more:
            break
        data += more
    return data


class Worker:
    """A fork of this process that runs tests."""

    def __init__(self, session: pytest.Session, files: list[list[pytest.Item]], turns: int) -> None:
        self.done, self.last = False, "no test"
        self.reports, self.telling = os.pipe()
        self.pid = os.fork()
        if self.pid == 0:
            self._work(session, files, turns)
        os.close(self.telling)

    def end(self) -> None:
        """Ends it, if it has not done so by itself, and waits for it."""
        os.close(self.reports)
        if not self.done:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.pid, signal.SIGTERM)
        os.waitpid(self.pid, 0)

    def _work(self, session: pytest.Session, files: list[list[pytest.Item]], turns: int) -> None:
        """Runs tests until none is left; nothing may return from here."""
        code = 1
        try:
            atexit._clear()  # of the process that collected
            self._be_silent(session.config)
            self._run(session, files, turns)
            atexit._run_exitfuncs()
            self._tell({})
            code = 0
        except BaseException:
            traceback.print_exc()
        finally:
            os._exit(code)

    def _be_silent(self, config: pytest.Config) -> None:
        """Has reports go to the process that collected, and captures output in files of its own."""
        plugins = config.pluginmanager
        plugins.unregister(name="terminalreporter")
        capturing: Any = plugins.getplugin("capturemanager")._global_capturing
        for capture in (capturing.out, capturing.err):
            if isinstance(capture, FDCapture):
                # Streams that loggers hold stay open, and lead elsewhere.
                with TemporaryFile() as own:
                    os.dup2(own.fileno(), capture.tmpfile.fileno())
        plugins.register(_Telling(config, self._tell))

    def _run(self, session: pytest.Session, files: list[list[pytest.Item]], turns: int) -> None:
        items, following = self._take(files, turns), self._take(files, turns)
        while items:
            # Fixtures of a session stay as long as a test follows.
            for item, after in zip(items, [*items[1:], *following[:1], None], strict=False):
                self._tell({"starts": item.nodeid})
                session.config.hook.pytest_runtest_protocol(item=item, nextitem=after)
            items, following = following, self._take(files, turns)

    def _take(self, files: list[list[pytest.Item]], turns: int) -> list[pytest.Item]:
        turn = os.read(turns, TURN)
        return files[int.from_bytes(turn, "big")] if turn else []

    def _tell(self, message: dict[str, Any]) -> None:
        data = pickle.dumps(message)
        whole = memoryview(len(data).to_bytes(HEAD, "big") + data)
        while whole:
            whole = whole[os.write(self.telling, whole) :]


class _Telling:
    """Passes reports on."""

    def __init__(self, config: pytest.Config, tell: Any) -> None:
        self.config, self.tell = config, tell

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        self.tell(self.config.hook.pytest_report_to_serializable(config=self.config, report=report))

    def pytest_warning_recorded(
        self,
        warning_message: warnings.WarningMessage,
        when: str,
        nodeid: str,
        location: tuple[str, int, str] | None,
    ) -> None:
        shown = {
            "message": str(warning_message.message),
            "filename": warning_message.filename,
            "lineno": warning_message.lineno,
        }
        category = warning_message.category.__name__
        told = {"category": category, "shown": shown, "when": when, "nodeid": nodeid}
        self.tell({"warning": {**told, "location": location}})
