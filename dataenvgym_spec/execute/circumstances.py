"""Under which circumstances a stage runs here: the options that change no result.

The compiler writes them beside the indexes; see `emit.circumstances`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from dataenvgym_spec.core.errors import StageError
from dataenvgym_spec.graph.component import Circumstances
from dataenvgym_spec.records.files import parse_json
from dataenvgym_spec.store.layout import Layout


def read_circumstances(layout: Layout, experiments: Iterable[str]) -> Circumstances:
    """Those of some experiments; where they differ, of the first that says something.

    Args:
        layout: the repository.
        experiments: the one that runs, or all that the stage is part of.

    Raises:
        StageError: a file is damaged.
    """
    known: dict[str, Mapping[str, Any]] = {}
    for name in experiments:
        path = layout.circumstances / f"{name}.json"
        try:
            components = dict(parse_json(path.read_text(encoding="utf-8"))["components"])
        except FileNotFoundError:
            continue
        except (ValueError, KeyError, TypeError) as error:
            shown = path.relative_to(layout.root)
            message = f"'{shown}' is damaged: it does not say how components run"
            raise StageError(message, help="run: dataenvgym compile") from error
        known = {**components, **known}
    return known
