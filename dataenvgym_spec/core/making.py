"""How results are made that are not here: one rule for all that say so."""

from __future__ import annotations

from pathlib import Path

from dataenvgym_spec.core.dvc_config import remotes


def making(root: Path, *targets: str, sweep: bool = False) -> str:
    """The command that makes results, and fetches those that others have made and paid for.

    Without `--pull`, DVC makes again what only a remote has, and never looks there.

    Args:
        root: the repository.
        targets: experiments, or files of pipelines.
        sweep: whether they are points of a sweep. These have their pipelines in folders of their
            own, in which `dvc repro NAME` would not find them.
    """
    program = "dataenvgym run" if sweep else "dvc repro"
    pull = ("--pull",) if remotes(root) else ()
    return " ".join((program, *pull, *targets))
