"""What a spec can name: the table of component definitions. Reads JSON only; imports no component.

A definition says which options a component takes (JSON Schema), how its results are versioned
(`semantics`), which extra it needs and what its class is called. It is the JSON file beside the
module it describes: the built-in components are the listing of the folders of `gym`. An installed
package adds components through the entry-point group `dataenvgym_spec.components`:
`policy.greedy = "package.module:Class"` names a class, and `package/module.json` is its definition.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Final

from dataenvgym_spec.core.errors import UserError, suggest
from dataenvgym_spec.language.declaration import declare
from dataenvgym_spec.language.declared import Definition
from dataenvgym_spec.language.packages import definition_path, read_definition, read_prompts

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint

GROUP: Final = "dataenvgym_spec.components"
FOLDERS: Final[dict[str, str]] = {
    "task": "tasks/kinds",
    "source": "tasks/sources",
    "scorer": "tasks/scorers",
    "model": "students/models",
    "adapter": "students/adapters",
    "discovery": "skills",
    "policy": "policies",
    "proposer": "proposers",
    "teacher": "teachers",
    "engine": "engines",
    "painter": "painters",
    "check": "checks",
    "environment": "environments",
    "trainer": "students/trainers",
    "backend": "students/backends",
    "sandbox": "sandboxes",
}
"""The slots, and the folder of `gym` that holds the built-in components of each."""


@cache
def definitions() -> dict[str, dict[str, Definition]]:
    """All definitions, by slot and kind: built-in ones, then those of installed packages by name.

    Raises:
        UserError: an installed package registers a component in a way that cannot be used.
    """
    from importlib.metadata import entry_points

    table = {slot: dict(kinds) for slot, kinds in built_in().items()}
    for point in sorted(entry_points(group=GROUP), key=lambda point: (point.name, point.value)):
        item = _installed(point)
        other = table[item.slot].get(item.kind)
        if other is not None:
            package, holder = item.distribution, other.distribution or "dataenvgym-spec"
            message = f"'{package}' registers the {item.slot} '{item.kind}', which {holder} has"
            raise UserError(message, help=f"uninstall one of them: pip uninstall {package}")
        table[item.slot][item.kind] = item
    return table


@cache
def built_in() -> dict[str, dict[str, Definition]]:
    """The definitions of this package, by slot and kind, in the order in which they are listed."""
    table = {}
    for slot, folder in FOLDERS.items():
        kinds = sorted(_in_folder(slot, folder), key=lambda item: (item.order, item.kind))
        table[slot] = {item.kind: item for item in kinds}
    return table


def definition(slot: str, kind: str) -> Definition:
    """The definition of one component.

    Raises:
        UserError: there is none; the package that brought it may be missing here.
    """
    kinds = definitions()[slot]
    if kind not in kinds:
        help = f"install the package that has it; {suggest(kind, kinds)}"
        raise UserError(f"there is no {slot} '{kind}' in this environment", help=help)
    return kinds[kind]


def standard(slot: str) -> str:
    """The kind that holds in a slot where a spec names none; empty where a spec has to name one."""
    return next((kind for kind, item in definitions()[slot].items() if item.standard), "")


def _in_folder(slot: str, folder: str) -> Iterator[Definition]:
    """The definitions in a folder of `gym`.

    A kind is called as its file, with '-' for '_', unless it says otherwise.
    """
    place = Path(__file__).parents[1] / "gym" / folder
    if not place.is_dir():
        return
    module = f"dataenvgym_spec.gym.{folder.replace('/', '.')}"
    for path in place.iterdir():
        if path.name.endswith(".json"):
            data = json.loads(path.read_text(encoding="utf-8"))
            stem = path.name.removesuffix(".json")
            kind = data.get("kind", stem.replace("_", "-"))
            data["prompts"] = read_prompts(path, data)
            named = f"{module}.{stem}"
            if slot != "task":  # a task is declared, and does nothing
                named += f":{data['class']}"
            yield declare(slot, kind, data, implementation=named)


def _installed(point: EntryPoint) -> Definition:
    """Reads the definition of an entry point without importing its package.

    Raises:
        UserError: its name is no `slot.kind`, or the definition is missing or wrong.
    """
    slot, _, kind = point.name.partition(".")
    package = point.dist.name if point.dist else point.module
    place = f"the component '{point.name}' of '{package}' cannot be read"
    help = f"update or uninstall '{package}'"
    try:
        if slot not in FOLDERS or not kind:
            slots = ", ".join(FOLDERS)
            raise ValueError(f"a component is called slot.kind, and slot is one of {slots}")
        path = definition_path(point.module)
        content = read_definition(path)
        content["prompts"] = read_prompts(path, content)
        return declare(slot, kind, content, implementation=point.value, by=package)
    except FileNotFoundError as error:
        reason = f"its definition '{path.name}' is missing; it must lie beside '{point.module}'"
        raise UserError(f"{place}: {reason}", help=help) from error
    except KeyError as error:
        raise UserError(f"{place}: its definition lacks {error}", help=help) from error
    except (OSError, ValueError, TypeError, AttributeError) as error:
        raise UserError(f"{place}: {error}", help=help) from error
