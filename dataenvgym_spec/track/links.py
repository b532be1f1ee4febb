"""Targets in notes as addresses within MLflow's pages, once a server has given its own ids."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final
from urllib.parse import quote

LINK: Final = re.compile(r"\[([^\]]*)\]\((run|student|files|view):([^ )]+)(?: ([^)]+))?\)")
SHARED: Final = "mlflow.sharedViewState."
"""How the names of MLflow's saved views begin, which are tags of an experiment."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Links:
    """What a server calls an experiment, its runs and its students.

    Attributes:
        home: the server's id of the experiment.
        runs: the server's ids of runs, by ours.
        students: the server's ids of the students of runs, by ours.
    """

    home: str
    runs: Mapping[str, str]
    students: Mapping[str, str]

    def resolve(self, note: str) -> str:
        """A note with addresses in place of targets; what is not there is text without a link.

        >>> links = Links(home="1", runs={"a": "x"}, students={})
        >>> links.resolve("[it](run:a), [more](student:a)")
        '[it](#/experiments/1/runs/x), more'
        """
        return LINK.sub(lambda found: self._link(*found.groups()), note)

    def _link(self, text: str, kind: str, name: str, path: str | None) -> str:
        if kind == "view":
            return f"[{text}]({view_page(self.home, name)})"
        owner = (self.students if kind == "student" else self.runs).get(name)
        if owner is None:
            return text
        folder = "models" if kind == "student" else "runs"
        page = f"#/experiments/{self.home}/{folder}/{owner}"
        if kind == "files" and path:
            page += f"/artifacts/{quote(path)}"
        return f"[{text}]({page})"


def view_page(home: str, name: str) -> str:
    """The page of a saved view, relative to where the server's pages are."""
    return f"#/experiments/{home}/runs?viewStateShareKey={name}&compareRunsMode=CHART"
