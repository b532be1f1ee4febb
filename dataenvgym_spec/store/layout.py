"""Where everything is in a repository. Pure paths; only `find_root` looks at the disk."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from dataenvgym_spec.core.errors import UserError

IGNORED: Final = (
    "/*.bundle.tar.gz",
    "/.dataenvgym/",
    "/dvc_plots/",
    "/mlflow.db*",
    "/mlartifacts/",
    "/mlruns/",
    "/reports/",
    "/store/*/log",
    "/store/*/out",
)
"""Lines of the root `.gitignore`.

Static, because DVC rolls its own back when a later stage fails (treeverse/dvc#11091).
"""

UNSEEN: Final = ("/.dataenvgym/", "/.venv/", "/mlartifacts/")
"""Lines of the root `.dvcignore`: DVC walks every folder that is not named there."""


ANSWERS: Final = ".answers"
"""How the names of files end that hold a student's answers; see `execute.shards.kept`."""
KEPT: Final = "kept"
"""What the folder of those is called that a process writes while it goes on; of a shard its end."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Layout:
    """The paths of one repository."""

    root: Path

    @property
    def store(self) -> Path:
        """Stage directories, one per stage."""
        return self.root / "store"

    @property
    def experiments(self) -> Path:
        """One compiled index per experiment."""
        return self.root / "experiments"

    @property
    def pipeline(self) -> Path:
        """The root `dvc.yaml` with one entry per experiment."""
        return self.root / "dvc.yaml"

    @property
    def private(self) -> Path:
        """Scratch, locks and other state of this clone; never shared."""
        return self.root / ".dataenvgym"

    @property
    def database(self) -> Path:
        """MLflow's database of this clone, where tracking goes nowhere else."""
        return self.root / "mlflow.db"

    @property
    def staging(self) -> Path:
        """Where stage directories are made before they are renamed into place.

        DVC never looks for a `dvc.yaml` here.
        """
        return self.root / ".dvc" / "tmp" / "staging"

    def stage(self, directory: str) -> Path:
        """A stage's directory."""
        return self.store / directory

    def scratch(self, directory: str) -> Path:
        """Where a stage's executor works before its result is complete."""
        return self.private / "scratch" / directory

    @property
    def nodes(self) -> Path:
        """Where machines work that see this clone; what failed there stays until it is done."""
        return self.private / "nodes"

    @property
    def home(self) -> Path:
        """Tells this clone from others, and machines whether they see it; see `store.mark`.

        A clone of which no run has gone to a cluster has none.
        """
        return self.nodes / "home.txt"

    @property
    def apart(self) -> Path:
        """Where processes have repositories of DVC besides, for some stages and for minutes."""
        return self.private / "apart"

    def shards(self, directory: str) -> Path:
        """Where processes that share a stage leave what they have done of it."""
        return self.private / "scratch" / f"{directory}.shards"

    def shard(self, directory: str, name: str) -> Path:
        """The file of one of them."""
        return self.shards(directory) / f"{name}{ANSWERS}"

    def output(self, name: str) -> Path:
        """What a stage or a report printed that ran beside others."""
        return self.private / "output" / f"{name}.txt"

    @property
    def run_state(self) -> Path:
        """How the run that is at work here stands, or how the last one ended."""
        return self.private / "run.json"

    def lock(self, name: str) -> Path:
        """A lock file."""
        return self.private / "locks" / f"{name}.lock"

    @property
    def leases(self) -> Path:
        """Where hosts that share this clone write down who does what."""
        return self.private / "leases"

    def index(self, name: str) -> Path:
        """The compiled index of an experiment."""
        return self.experiments / f"{name}.json"

    @property
    def circumstances(self) -> Path:
        """Of experiments that have any, the options that change no result, a file for each."""
        return self.experiments / "circumstances"

    @property
    def origins(self) -> Path:
        """Of experiments that came in a bundle, what the history there said, a file for each."""
        return self.experiments / "origins"

    def report(self, name: str) -> Path:
        """The report directory of an experiment."""
        return self.root / report_folder(name)

    def specs(self) -> list[Path]:
        """The active specs: every `specs/*.yaml`."""
        return sorted((self.root / "specs").glob("*.yaml"))


EXAMPLES: Final = "examples"
"""The folder of a report that holds the page of all generated examples, `index.html`."""


def report_folder(name: str) -> str:
    """The report directory of an experiment, from the repository."""
    return f"reports/{name}"


def curve_file(name: str, split: str, arm: str, seed: int) -> str:
    """The file of one line of a plot of DVC, from the repository.

    >>> curve_file("quickstart", "test", "with-state", 0)
    'reports/quickstart/curves/test/with-state-0.csv'
    """
    return f"{report_folder(name)}/curves/{split}/{arm}-{seed}.csv"


def kind_of(directory: str) -> str:
    """The kind of a stage by its directory's name.

    >>> kind_of("train-3f9c2a71b04de615")
    'train'
    """
    return directory.rpartition("-")[0]


def find_root(start: Path | None = None) -> Path:
    """The repository that a path is in: the nearest folder with `.dvc`.

    Raises:
        UserError: there is no git or DVC repository.
    """
    start = (start or Path.cwd()).resolve()
    folders = (start, *start.parents)
    for folder in folders:
        if (folder / ".dvc").is_dir():
            return folder
    shown = os.path.relpath(start)
    if any((folder / ".git").exists() for folder in folders):
        missing, commands = "DVC", "dvc init"
    else:
        missing, commands = "git", "git init && dvc init"
    raise UserError(
        f"'{shown}' is in no {missing} repository",
        help=f"run: {commands}   (or: dataenvgym init)",
    )
