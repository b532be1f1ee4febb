"""Slurm's commands where no daemon is needed: they say what a test has written down for them."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

import pytest

from dataenvgym_spec.cli.engines import Engine, engine
from dataenvgym_spec.setup.hardware.profile import HardwareProfile, Room, SlurmCluster
from dataenvgym_spec.store.layout import Layout

COMMANDS = ("sbatch", "scancel", "scontrol", "squeue")
AWAY = "slurm_load_jobs error: Unable to contact slurm controller (connect failure)"
"""What a command says whose controller is away."""
STAND_IN = """\
#!/bin/sh
cd "$(dirname "$0")" || exit 1
echo "$(basename "$0") $*" >> called
test -f refusal && {{ cat refusal >&2; exit 1; }}
case "$(basename "$0")" in
  squeue) case "$*" in *--states=all*) cat rows ;; *) test -f user && cat user ;; esac ;;
  sbatch) cat > /dev/null; number=$(($(cat number) + 1)); echo $number > number; echo $number ;;
  scontrol) echo "MaxArraySize = 1001" ;;
esac
exit 0
"""


class SlurmCommands:
    """What they say, and how they were called."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.folder = folder
        folder.mkdir()
        for name in COMMANDS:
            (folder / name).write_text(STAND_IN.format(), encoding="utf-8")
            (folder / name).chmod(0o755)
        (folder / "number").write_text("100\n", encoding="utf-8")
        self.rows()
        monkeypatch.setenv("PATH", f"{folder}:{os.environ['PATH']}")

    def rows(self, *rows: str) -> None:
        """Has `squeue` list these jobs, ended ones too: `100|PREEMPTED|0:10|node1|None|name`."""
        (self.folder / "rows").write_text("".join(f"{row}\n" for row in rows), encoding="utf-8")

    def refuse(self, why: str) -> None:
        """Has all commands fail; those of no reason work again."""
        place = self.folder / "refusal"
        place.write_text(f"{why}\n", encoding="utf-8")
        if not why:
            place.unlink()

    @property
    def called(self) -> Sequence[str]:
        """All calls so far, a line each."""
        return (self.folder / "called").read_text(encoding="utf-8").splitlines()


def on_slurm(root: Path, cluster: SlurmCluster, **environ: str) -> Engine:
    """The engine of a run on Slurm with some profile, in an environment."""
    profile = HardwareProfile(slurm=cluster)
    layout = Layout(root=root)
    found = engine(
        "slurm",
        None,
        layout,
        profile=profile,
        room=Room(),
        jobs=None,
        variables={},
        environ=environ,
    )
    assert found is not None
    return found
