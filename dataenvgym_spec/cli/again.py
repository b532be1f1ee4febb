"""The command of this process as a person would type it once more."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Sequence
from typing import Any, Final

import click
from click.core import ParameterSource

PROGRAM: Final = "dataenvgym"


def command_line(context: click.Context) -> tuple[str, ...]:
    """The words of a command: its arguments, then the options that were given.

    Args:
        context: of the command that is being run.
    """
    options: list[str] = []
    arguments: list[str] = []
    for parameter in context.command.params:
        name = str(parameter.name)
        if context.get_parameter_source(name) is not ParameterSource.COMMANDLINE:
            continue
        value = context.params[name]
        if isinstance(parameter, click.Option):
            options += _option(parameter, value)
        else:
            arguments += _values(value)
    return (PROGRAM, str(context.info_name), *arguments, *options)


def shown(command: Sequence[str]) -> str:
    """A command as a shell takes it.

    >>> shown(("dataenvgym", "run", "a", "--set", "x=[1, 2]"))
    "dataenvgym run a --set 'x=[1, 2]'"
    """
    return shlex.join(command)


def _option(option: click.Option, value: Any) -> Iterator[str]:
    name = max(option.opts, key=len)
    if option.is_flag:
        yield name
        return
    for one in _values(value):
        yield from (name, one)


def _values(value: Any) -> list[str]:
    return [str(one) for one in value] if isinstance(value, tuple) else [str(value)]
