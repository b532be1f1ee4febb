"""Processor time of each test, its fixtures and the processes they waited for: `pytest -p tests.support.cpu`.

A process that nobody waited for (a daemon) is missing here; `time make test` has all of it.
"""

from __future__ import annotations

import os
import resource
from collections import defaultdict
from collections.abc import Generator

import pytest

SHOWN = 60
_seconds: dict[tuple[str, str], float] = defaultdict(float)
_collecting = 0.0


def spent() -> float:
    """Seconds of this process and of its children that ended, in user and system mode."""
    usages = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(usage.ru_utime + usage.ru_stime for usage in usages)


def pytest_collection_finish(session: pytest.Session) -> None:
    """What follows is that of tests."""
    global _collecting  # noqa: PLW0603
    _collecting = spent()
    session.config._cpu = os.getpid(), _collecting  # type: ignore[attr-defined]


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Adds to a report what was spent since the report before it."""
    report = yield
    now, process = spent(), os.getpid()
    known, before = getattr(item.config, "_cpu", (process, 0.0))
    # A fork has spent nothing yet.
    more = now - (before if known == process else 0.0)
    report.user_properties.append((f"cpu {call.when}", more))
    item.config._cpu = process, now  # type: ignore[attr-defined]
    return report


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    """Collects, in the process that reports; properties of earlier phases come with later ones."""
    for name, value in report.user_properties:
        if name == f"cpu {report.when}":
            _seconds[report.nodeid, report.when or ""] += float(str(value))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Prints the files and the tests that cost most."""
    files: dict[str, float] = defaultdict(float)
    for (nodeid, _), value in _seconds.items():
        files[nodeid.partition("::")[0]] += value
    whole = f"processor time: {sum(files.values()):.0f} s, and {_collecting:.0f} s for collecting"
    terminalreporter.section(whole)
    for path, value in sorted(files.items(), key=lambda row: -row[1])[:SHOWN]:
        terminalreporter.write_line(f"{value:8.2f} s  {path}")
    terminalreporter.write_line("")
    for (nodeid, when), value in sorted(_seconds.items(), key=lambda row: -row[1])[:SHOWN]:
        terminalreporter.write_line(f"{value:8.2f} s  {when:8} {nodeid}")
