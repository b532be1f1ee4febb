"""The site is built of the pages without a warning: each page has a place in it, each link and anchor a target."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

from dataenvgym_spec import gym
from dataenvgym_spec.cli.commands import cli
from dataenvgym_spec.language.components import FOLDERS
from tests.support.repositories import ROOT


def test_the_site_is_whole(tmp_path: Path) -> None:
    site = tmp_path / "site"
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", str(site)]
    built = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert built.returncode == 0, built.stdout + built.stderr
    commands = (site / "reference" / "commands.html").read_text(encoding="utf-8")
    for name in cli.list_commands(None):
        assert f'id="dataenvgym-{name}"' in commands or f'id="{name}"' in commands, name
    contracts = (site / "reference" / "gym.html").read_text(encoding="utf-8")
    assert [name for name in gym.__all__ if f"dataenvgym_spec.gym.{name}" not in contracts] == []
    assert (site / "docs" / "diagnostics" / "E102.html").exists()
    assert (site / "specs" / "quickstart.yaml").exists()


def test_contributing_names_each_slot_with_its_folder_and_a_file_there() -> None:
    page = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| `(\w+)` \| `gym/([\w/]+)` \| `([\w.]+)`", page, re.M)
    assert {slot: folder for slot, folder, _ in rows} == FOLDERS
    for _, folder, file in rows:
        assert (ROOT / "dataenvgym_spec" / "gym" / folder / file).exists(), file
