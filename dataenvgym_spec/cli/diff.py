"""`dataenvgym diff`."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import click

from dataenvgym_spec.cli.common import (
    as_json,
    compile_specs,
    layout_here,
    print_json,
    read_specs,
    setting,
)
from dataenvgym_spec.cli.difference import lines, record
from dataenvgym_spec.cli.markdown import unreadable
from dataenvgym_spec.cli.naming import compiled_from
from dataenvgym_spec.cli.reviewed import reviewed
from dataenvgym_spec.core.errors import Diagnostic, SpecError, UserError
from dataenvgym_spec.core.paths import is_file
from dataenvgym_spec.graph.ir import Graph
from dataenvgym_spec.questions.diff import diff
from dataenvgym_spec.questions.revision import extract
from dataenvgym_spec.records.experiment import SPECS
from dataenvgym_spec.resolve.arms import Resolved
from dataenvgym_spec.store.layout import Layout


@dataclass(frozen=True, slots=True, kw_only=True)
class _Argument:
    """What one argument names. `prefix` comes before its paths: empty for the working tree."""

    prefix: str
    specs: tuple[Resolved, ...]
    graph: Graph


@click.command("diff")
@click.argument("a")
@click.argument("b", required=False)
@click.option(
    "--markdown",
    is_flag=True,
    help="Compare all active specs with the revision A, as one text for a pull request.",
)
@setting
@as_json
def command(a: str, b: str | None, markdown: bool, sets: tuple[str, ...], as_json: bool) -> None:
    """Say what differs in meaning between two specs, and which stages that touches;
    A is the old one, B the new one.

    Each is a spec file or a name, in the working tree, or with `@` and a git revision as it was
    then. Without B, the working tree is compared with A: with its last commit, or with the revision
    that A names. What is --set holds for the new side. With --markdown, A is a revision alone.

    \b
    Example:
      dataenvgym diff quickstart
      dataenvgym diff quickstart@HEAD~1
      dataenvgym diff quickstart quickstart --set loop.iterations=5
      dataenvgym diff specs/quickstart.yaml@HEAD specs/quickstart.yaml
      dataenvgym diff --markdown origin/main
    """
    layout = layout_here()
    layout.private.mkdir(exist_ok=True)
    if markdown:
        _markdown(a, b, layout, sets, as_json=as_json)
        return
    name, revision = _parse(a)
    # Inside of the repository, so that what git does not hold can be linked and need not be copied.
    with tempfile.TemporaryDirectory(prefix="diff-", dir=layout.private) as folder:
        old = _side(name, revision or ("" if b else "HEAD"), layout, Path(folder) / "old")
        new = _side(*_parse(b or name), layout, Path(folder) / "new", sets)
        differences = diff(old.specs, old.graph, new.specs, new.graph)
    if as_json:
        experiments = [record(item, old.prefix, new.prefix) for item in differences]
        same = all(item.equal for item in differences)
        print_json({"same": same, "experiments": experiments})
        return
    several = len(differences) > 1
    for item in differences:
        for line in lines(item, old.prefix, new.prefix, several=several):
            click.echo(line)


def _markdown(
    base: str, b: str | None, layout: Layout, sets: Sequence[str], *, as_json: bool
) -> None:
    """Prints what all specs mean against a revision.

    Raises:
        UserError: something else than a revision is named.
        SpecError: a spec has an error, which the text says as well.
    """
    if b is not None or as_json:
        message = "with --markdown, all specs are compared with one revision, for people"
        raise UserError(message, help="such as: dataenvgym diff --markdown origin/main")
    with tempfile.TemporaryDirectory(prefix="diff-", dir=layout.private) as folder:
        try:
            click.echo(reviewed(base, layout, Path(folder), sets), nl=False)
        except SpecError as error:
            # A review needs that text most where a spec is wrong.
            click.echo(unreadable(str(error)), nl=False)
            raise


def _parse(text: str) -> tuple[str, str]:
    """A spec and a revision: `quickstart@HEAD~1`. A file whose name holds an `@` is itself."""
    if is_file(text):
        return text, ""
    name, _, revision = text.partition("@")
    return name, revision


def _side(
    name: str, revision: str, layout: Layout, folder: Path, sets: Sequence[str] = ()
) -> _Argument:
    """Compiles what one argument names.

    Args:
        name: a spec file, or the name of a spec or an experiment.
        revision: of git; empty for the working tree.
        layout: the repository.
        folder: where to put the files of a revision; it does not exist yet.
        sets: settings of the command line.

    Raises:
        UserError: there is no such revision, or no such spec in it.
        SpecError: the spec has an error.
    """
    if not revision:
        specs = read_specs([name], layout, sets)
        return _Argument(prefix="", specs=specs, graph=compile_specs(specs).graph)
    spec = _file_in(layout, name)
    folder.mkdir()
    extract(layout.root, revision, spec, folder)
    prefix = f"{revision}:"
    named = str(folder / spec) if spec else name
    try:
        # "pin": the lock of that time says which revisions held; what is here now may differ.
        specs = read_specs([named], Layout(root=folder), sets, locks="pin")
        # One point of a sweep may have been named, and its file is read whole.
        specs = tuple(item for item in specs if item.base.name == name) or specs
        return _Argument(prefix=prefix, specs=specs, graph=compile_specs(specs).graph)
    except SpecError as error:
        diagnostics = [_prefixed(one, prefix) for one in error.diagnostics]
        raise SpecError(diagnostics) from error
    except UserError as error:
        raise UserError(f"{error.message} at revision '{revision}'", help=error.help) from error


def _file_in(layout: Layout, name: str) -> str | None:
    """The file that an argument names, relative to the repository; None if it is another name."""
    if not name.endswith(SPECS) and not is_file(name):
        return _idle_file(layout, name)
    return Path(os.path.relpath(Path(name).absolute(), layout.root)).as_posix()


def _idle_file(layout: Layout, name: str) -> str | None:
    """The spec that a compiled experiment came from, if it is none of the active ones."""
    spec = next(compiled_from(name, layout), None)
    if spec is None or spec in layout.specs():
        return None
    return spec.relative_to(layout.root).as_posix()


def _prefixed(diagnostic: Diagnostic, prefix: str) -> Diagnostic:
    """A diagnostic whose place names the revision."""
    if diagnostic.span is None:
        return diagnostic
    span = replace(diagnostic.span, file=prefix + diagnostic.span.file)
    return replace(diagnostic, span=span)
