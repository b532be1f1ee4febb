"""`dataenvgym explain`."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence

import click

from dataenvgym_spec.cli.common import as_json, layout_here, print_json, read_specs, setting
from dataenvgym_spec.core.errors import CODES, UserError, suggest
from dataenvgym_spec.language.catalogue import Page, is_code, page
from dataenvgym_spec.language.source import Json
from dataenvgym_spec.questions.explain import Explanation, LayerValue, explain, leaves, plain
from dataenvgym_spec.resolve.arms import Resolved
from dataenvgym_spec.resolve.merge import parse_path, show_path

Found = list[tuple[tuple[Explanation, ...], list[str]]]
"""The explanations that arms have, each with the names of those that have it."""


@click.command("explain")
@click.argument("spec", metavar="SPEC|CODE")
@click.argument("path", required=False)
@setting
@as_json
def command(spec: str, path: str | None, sets: tuple[str, ...], as_json: bool) -> None:
    """Say who set a value of a spec: each file, matrix point, arm and --set that did, with the line, the strongest first.

    With the code of a diagnostic alone, print what it means, why, an example, and the cure.

    \b
    Example:
      dataenvgym explain quickstart student.train.learning_rate
      dataenvgym explain E102
    """
    if path is None and is_code(spec):
        _show(page(spec), as_json=as_json)
        return
    if path is None:
        raise UserError(
            "explain what?",
            help="name a value, as in: dataenvgym explain quickstart loop.iterations",
        )
    specs = read_specs([spec], layout_here(), sets)
    steps = parse_path(path)
    found: Found = []
    for item in specs:
        for arm in item.arms:
            _add(
                found,
                explain(arm, steps) if steps else (),
                f"{item.base.name}, {arm.name}" if len(specs) > 1 else arm.name,
            )
    if not found:
        raise UserError(
            f"there is no value '{path}'",
            help=suggest(path, [show_path(leaf) for leaf in _paths(specs)]),
        )
    if as_json:
        print_json([{"arms": arms, **_record(item)} for items, arms in found for item in items])
    else:
        click.echo(
            "\n".join(_text(items, arms if len(found) > 1 else []) for items, arms in found),
            nl=False,
        )


def _show(page: Page, *, as_json: bool) -> None:
    """A page of the catalogue: laid out in a terminal, as it is written elsewhere."""
    if as_json:
        sections = {name.lower(): text for name, text in page.sections.items()}
        print_json(
            {
                "code": page.code,
                "title": CODES[page.code],
                **sections,
                "yaml": page.block("yaml"),
                "text": page.block("text"),
            }
        )
    elif sys.stdout.isatty():
        from rich.console import Console
        from rich.markdown import Markdown

        Console().print(Markdown(page.text))
    else:
        click.echo(page.text, nl=False)


def _add(found: Found, items: tuple[Explanation, ...], arm: str) -> None:
    for known, arms in found:
        if known == items:
            arms.append(arm)
            return
    if items:
        found.append((items, [arm]))


def _paths(specs: Sequence[Resolved]) -> set[tuple[str, ...]]:
    return {
        leaf[:length]
        for item in specs
        for arm in item.arms
        for leaf, _ in leaves(plain(arm))
        for length in range(1, len(leaf) + 1)
    }


def _text(items: tuple[Explanation, ...], arms: list[str]) -> str:
    lines = [f"arms {', '.join(arms)}:"] if arms else []
    for item in items:
        lines.append(f"{show_path(item.path)} = {_shown(item.value)}")
        lines += [
            f"  {said.span!s:40} {_shown(said.value):16} {_effect(said)}" for said in item.layers
        ]
        if not any(said.effect == "holds" for said in item.layers):
            lines.append(f"  {'default':40}")
    return "\n".join(lines) + "\n"


def _effect(said: LayerValue) -> str:
    return f"{said.effect}" + (f"  ({said.layer})" if said.layer != said.span.file else "")


def _shown(value: Json) -> str:
    text = (
        value
        if isinstance(value, str) and value.isprintable()
        else json.dumps(value, ensure_ascii=False)
    )
    return text if len(text) <= 60 else text[:57] + "..."


def _record(item: Explanation) -> dict[str, Json]:
    said: list[Json] = [
        {
            "layer": one.layer,
            "file": one.span.file,
            "line": one.span.line,
            "column": one.span.column,
            "value": one.value,
            "effect": one.effect,
        }
        for one in item.layers
    ]
    return {"path": show_path(item.path), "value": item.value, "said": said}
