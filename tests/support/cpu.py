"""Processor time of each test, its fixtures and the processes they waited for: `pytest -p tests.support.cpu`.

A process that nobody waited for (a daemon) is missing here; `time make test` has all of it.
"""

from __future__ import annotations

import resource
from collections import defaultdict
from collections.abc import Iterator

import pytest

SHOWN = 60
_seconds: dict[tuple[str, str], float] = defaultdict(float)


def spent() -> float:
    """Seconds of this process and of its children that ended, in user and system mode."""
    usages = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(usage.ru_utime + usage.ru_stime for usage in usages)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Iterator[pytest.TestReport]:
    """Adds to a report what was spent since the report before it."""
    report = yield
    now = spent()
    report.user_properties.append((f"cpu {call.when}", now - getattr(item.config, "_cpu", 0.0)))
    item.config._cpu = now
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
    terminalreporter.section(f"processor time: {sum(files.values()):.0f} s")
    for path, value in sorted(files.items(), key=lambda row: -row[1])[:SHOWN]:
        terminalreporter.write_line(f"{value:8.2f} s  {path}")
    terminalreporter.write_line("")
    for (nodeid, when), value in sorted(_seconds.items(), key=lambda row: -row[1])[:SHOWN]:
        terminalreporter.write_line(f"{value:8.2f} s  {when:8} {nodeid}")
