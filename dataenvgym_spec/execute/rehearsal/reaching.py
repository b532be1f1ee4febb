"""Leads the teachers of a rehearsal that are behind services to the scripted one. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from dataenvgym_spec.execute.rehearsal.service import KEY
from dataenvgym_spec.language.components import definition
from dataenvgym_spec.language.services import VARIABLE, service


def reaching(documents: Iterable[Mapping[str, Any]], address: str) -> dict[str, str]:
    """What stages find in the environment, so that no teacher asks anybody else.

    Args:
        documents: the specs.
        address: of the scripted service.
    """
    environ = {"NO_PROXY": "127.0.0.1", "no_proxy": "127.0.0.1"}
    for document in documents:
        for holder in (document, *document.get("arms", {}).values()):
            for options in (holder or {}).get("teachers", {}).values():
                environ |= _of_teacher(options, address)
    return environ


def _of_teacher(options: Mapping[str, Any] | None, address: str) -> dict[str, str]:
    """What the environment says of a teacher's service."""
    if not options or "kind" not in options:
        return {}
    item = definition("teacher", options["kind"])
    defaults = {
        name: one["default"] for name, one in item.schema["properties"].items() if "default" in one
    }
    found = service(item, {**defaults, **options}, {})
    if found is None:
        return {}
    variable = VARIABLE.format(found.provider.upper().replace("-", "_"))
    said = {variable: f"{address}/v1"}
    return {**said, found.secret: KEY} if found.secret else said
