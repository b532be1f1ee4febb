"""Loads a student into the backend that a spec names."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from dataenvgym_spec.gym.make import Described, make
from dataenvgym_spec.gym.students.backends.protocol import Backend, GenerationSettings


def load_backend(
    component: Described,
    *,
    settings: GenerationSettings,
    student: Path,
    base: Path | None,
    files: Mapping[str, Path] | None = None,
) -> Backend:
    """The backend that a spec names, with a student loaded.

    Args:
        component: the backend.
        settings: how it generates.
        student: folder of a model, or of an adapter.
        base: the model that an adapter adapts.
        files: where the files lie that its options name by digest.

    Raises:
        MissingExtra: a package that the backend needs is not installed.
        UserError: the backend is not installed, or in another version.
    """
    model, adapter = parts(student, base)
    backend: Backend = make(component, files=files, settings=settings, model=model, adapter=adapter)
    return backend


def parts(student: Path, base: Path | None) -> tuple[Path, Path | None]:
    """The folders of a student's model, and of its adapter if it is one.

    Args:
        student: folder of a model, or of an adapter.
        base: the model that an adapter adapts.
    """
    adapter = student if (student / "adapter_config.json").is_file() else None
    return (base if adapter and base else student), adapter
