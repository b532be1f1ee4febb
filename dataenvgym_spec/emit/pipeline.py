"""The root `dvc.yaml`: entries of experiments and their plots, beside what a user wrote there.

What compile wrote is made anew, so a conflict of a merge in it is none. What the user wrote is
merged by stage.
"""

from __future__ import annotations

import json
from typing import Any, Final

import yaml

from dataenvgym_spec.core.errors import UserError
from dataenvgym_spec.emit.entry import entry, home, plots
from dataenvgym_spec.emit.merge import MARK, drawn, merged, plot_name, sides
from dataenvgym_spec.graph.ir import Graph
from dataenvgym_spec.store.dvc.dialect import dump, load
from dataenvgym_spec.store.git.program import git
from dataenvgym_spec.store.layout import Layout

RESTORE: Final = (
    "restore it: git checkout HEAD -- dvc.yaml (or delete it), then: dataenvgym compile"
)
HEADER: Final = (
    "# Entries of experiments are written by `dataenvgym compile`. "
    "Other stages are kept; comments are not.\n"
)


def pipeline(graph: Graph, layout: Layout, *, everything: bool) -> str:
    """The text of the root `dvc.yaml`.

    Args:
        graph: what was compiled.
        layout: the paths of the repository.
        everything: whether entries of other specs go.

    Raises:
        UserError: it is damaged, or has another stage with an experiment's name, or the sides of a
            merge differ in what a user wrote.
    """
    content = _existing(layout)
    stages: dict[str, Any] = dict(content.get("stages") or {})
    shown = list(content.get("plots") or [])
    items = [item for item in graph.entries if not home(item)]
    entries = {item.name: entry(item, graph) for item in items}
    for name in entries:
        if name in stages and not _is_ours(name, stages[name], layout):
            raise UserError(
                f"dvc.yaml has a stage '{name}' of its own",
                help="rename the experiment or that stage",
            )
    # What compile wrote for other specs goes with `everything`; what a user wrote stays.
    ours = {name for name, body in stages.items() if _is_ours(name, body, layout)}
    gone = {*entries, *ours} if everything else {*entries}
    stages = {name: body for name, body in stages.items() if name not in gone}
    kept = [plot for plot in shown if gone.isdisjoint(drawn(plot))]
    for item in items:
        kept += plots(item)
    content = {**content, "stages": {**stages, **entries}}
    content.pop("plots", None)
    if kept:
        content["plots"] = sorted(kept, key=plot_name)
    return HEADER + dump(content)


def _is_ours(name: str, body: Any, layout: Layout) -> bool:
    """Whether compile wrote a stage: it has an index or, if that was deleted, our command."""
    return layout.index(name).is_file() or MARK in json.dumps(body, default=str)


def _existing(layout: Layout) -> dict[str, Any]:
    """The root `dvc.yaml`; empty if there is none. One with conflict markers is merged."""
    try:
        text = layout.pipeline.read_text(encoding="utf-8")
    except FileNotFoundError:
        return {}
    except (OSError, UnicodeDecodeError) as error:
        raise _damaged() from error
    both = sides(text)
    if both is None:
        return parsed(text)
    ours, theirs = both
    # During a merge git has what both sides began with.
    base = git(layout, "show", ":1:./dvc.yaml") or b""
    texts = (base.decode("utf-8", "replace"), ours, theirs)
    return merged(*map(parsed, texts))


def parsed(text: str) -> dict[str, Any]:
    """The content of a `dvc.yaml`.

    Raises:
        UserError: it is not YAML, or no mapping.
    """
    try:
        content = load(text)
    except yaml.YAMLError as error:
        raise _damaged() from error
    if content is not None and not isinstance(content, dict):
        raise UserError("dvc.yaml is no mapping", help=RESTORE)
    return content or {}


def _damaged() -> UserError:
    return UserError("dvc.yaml cannot be read: it is damaged or half-written", help=RESTORE)


def merge_files(base: str, ours: str, theirs: str) -> str:
    """The text of a root `dvc.yaml` that two sides changed.

    Raises:
        UserError: one is damaged, or they differ in what a user wrote.
    """
    return HEADER + dump(merged(*map(parsed, (base, ours, theirs))))
