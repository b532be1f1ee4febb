"""The documentation as a site, by MkDocs: the repository's pages, and a generated reference.

`mkdocs build` calls these hooks; `mkdocs.yml` names this file.
"""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path
from tempfile import mkdtemp

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files

ROOT = Path(__file__).parents[1]
SHOWN = (
    ":(glob)*.md",
    "dataenvgym_spec/__init__.py",
    "docs",
    "benchmarks",
    "specs",
    "schemas",
    "prices.yaml",
    ".github",
)
"""What pages link to, as patterns of `git ls-files`."""
DIAGNOSTICS = "docs/diagnostics"
GENERATED = {
    "reference/commands.md": """# Commands

::: mkdocs-click
    :module: dataenvgym_spec.cli.commands
    :command: cli
    :prog_name: dataenvgym
    :depth: 1
    :style: plain
    :list_subcommands: true
""",
    "reference/python.md": """# Results in Python

::: dataenvgym_spec
    options:
      members: [load, Notebook, Table]
""",
    "reference/gym.md": "# Contracts of components\n\n::: dataenvgym_spec.gym\n",
}
_stages: list[Path] = []


def on_config(config: MkDocsConfig) -> MkDocsConfig:
    """Lays the pages and what they link to out in a folder of its own, as git knows them."""
    stage = Path(mkdtemp(prefix="dataenvgym-site-"))
    _stages.append(stage)
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard", *SHOWN]
    listed = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True)
    for name in filter(None, listed.stdout.split("\0")):
        source = ROOT / name
        if source.is_file():
            (stage / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(source, stage / name)
    config.docs_dir = str(stage)
    assert config.nav is not None
    codes = sorted(path.name for path in (stage / DIAGNOSTICS).glob("[EW]*.md"))
    config.nav.append({"Diagnostics": [f"{DIAGNOSTICS}/{name}" for name in ("README.md", *codes)]})
    return config


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Adds the pages that are generated from docstrings and from the commands' help."""
    for name, text in GENERATED.items():
        files.append(File.generated(config, name, content=text))
    return files


def on_shutdown() -> None:
    """Takes the folders away."""
    for stage in _stages:
        shutil.rmtree(stage, ignore_errors=True)
