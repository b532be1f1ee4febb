"""What specs compile to."""

from __future__ import annotations

from pathlib import Path

from dataenvgym_spec.compile.compiler import front_end, lower
from dataenvgym_spec.core.errors import Diagnostic, SpecError
from dataenvgym_spec.graph.ir import Graph
from tests.support.specs import TEMPLATE


def compiled(folder: Path, text: str, name: str = "spec.yaml") -> Graph:
    """The graph of a spec that is written into a folder."""
    (folder / "prompts").mkdir(exist_ok=True)
    (folder / "prompts" / "tiny.j2").write_text(TEMPLATE, encoding="utf-8")
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return lower(front_end([path], root=folder)).graph


def keys(graph: Graph) -> set[str]:
    """The keys of all stages."""
    return {stage.id for stage in graph.stages}


def findings(folder: Path, text: str) -> tuple[Diagnostic, ...]:
    """What is wrong with a spec."""
    (folder / "prompts").mkdir(exist_ok=True)
    (folder / "prompts" / "tiny.j2").write_text(TEMPLATE, encoding="utf-8")
    (folder / "prompts" / "bad.j2").write_text("{% if %}", encoding="utf-8")
    path = folder / "spec.yaml"
    path.write_text(text, encoding="utf-8")
    try:
        lower(front_end([path], root=folder))
    except SpecError as error:
        return error.diagnostics
    return ()
