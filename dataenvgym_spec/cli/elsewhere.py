"""Results that were made and are not in the workspace: how to fetch what was paid for."""

from __future__ import annotations

from dataenvgym_spec.cli.common import plural
from dataenvgym_spec.core.dvc_config import remotes
from dataenvgym_spec.core.making import making
from dataenvgym_spec.results.experiment import Results


def absent(results: Results) -> int:
    """The stages whose result is locked, so was made, and is not in the workspace."""
    locked = (stage for stage in results.stages if (stage.path / "dvc.lock").is_file())
    return sum(not stage.done for stage in locked)


def absence(results: Results) -> str:
    """What is locked and not here, in words; empty if all is here."""
    count = absent(results)
    return f"results of {plural(count, 'stage')} were made and are not in this clone" * bool(count)


def remedy(results: Results) -> str:
    """How to get what is missing of an experiment."""
    root = results.layout.root
    command = f"run: {making(root, results.name, sweep=results.index.sweep is not None)}"
    if not absent(results):
        return command
    if remotes(root):
        return f"{command}   (without --pull they may be made anew)"
    rest = "restores what DVC's cache has and makes the rest anew; no remote is known"
    return f"{command}   ({rest})"
