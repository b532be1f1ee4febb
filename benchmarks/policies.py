"""What each policy gained on the quickstart's task, as a table.

`python benchmarks/policies.py`, where `specs/library/policies.yaml` has been run to its end.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from measure import table

REPORT = Path("reports/policies/metrics.json")
HEAD = ("arm", "examples", "last student, right", "gain over the base", "less equal amounts, blind")


def rows(report: dict[str, Any]) -> list[list[str]]:
    """One row an arm, the largest gain first."""
    against = {one["arm"]: one for one in report["contrasts"].values()}
    shown = []
    arms = report["arms"].items()
    for arm, students in sorted(arms, key=lambda pair: -pair[1]["last"]["accuracy"]):
        base, last = students["base"]["accuracy"], students["last"]
        gain = points(last["accuracy"] - base, last["ci_low"] - base, last["ci_high"] - base)
        contrast = against.get(arm)
        less = ""
        if contrast is not None:
            less = points(contrast["difference"], contrast["ci_low"], contrast["ci_high"])
        right = f"{100 * last['accuracy']:.1f} %"
        shown.append([f"`{arm}`", f"{last['examples']:.0f}", right, gain, less])
    return shown


def points(value: float, low: float, high: float) -> str:
    """A difference of accuracies with its interval, in points of a hundred."""
    return f"{100 * value:+.1f} [{100 * low:.1f}, {100 * high:.1f}]"


if __name__ == "__main__":
    table(HEAD, rows(json.loads(REPORT.read_text(encoding="utf-8"))))
