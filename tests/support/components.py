"""Components that are declared for a test, as if a package had brought them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from dataenvgym_spec.language.components import definitions
from dataenvgym_spec.language.declaration import declare
from dataenvgym_spec.language.declared import Definition
from dataenvgym_spec.language.schema import experiment_schema

Install = Callable[..., Definition]


def installing(patch: pytest.MonkeyPatch) -> Iterator[Install]:
    """Adds components to the table until the test ends: `install("engine", "llm", properties={...})`."""

    def install(slot: str, kind: str, **content: Any) -> Definition:
        data = {"title": kind, "description": f"{kind} of a test.", "semantics": 1, **content}
        item = declare(slot, kind, data, implementation=f"{kind}:It", by=f"{kind}-package")
        patch.setitem(definitions()[slot], kind, item)
        experiment_schema.cache_clear()
        return item

    experiment_schema.cache_clear()
    yield install
    patch.undo()
    experiment_schema.cache_clear()
