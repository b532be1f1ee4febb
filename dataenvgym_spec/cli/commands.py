"""The commands. Each is a file of its own and is imported only when it is called."""

from __future__ import annotations

import importlib
from typing import Final

import click

COMMANDS: Final = {
    "init": "Make a new repository that runs.",
    "validate": "Check specs and report everything that is wrong.",
    "compile": "Write the pipeline of specs: dvc.yaml, experiments/, store/.",
    "plan": "Say what will run, be reused or restored, and why.",
    "rehearse": "Run a spec at toy size, and say what would fail and what it takes.",
    "preview": "Make and show a few examples of the first plan.",
    "run": "Compile an experiment and reproduce it with DVC.",
    "join": "Have this machine take part in trainings that another one runs.",
    "status": "Say what is done, running, failed or missing.",
    "show": "Print a spec in full, as it is after resolution.",
    "explain": "Say who set a value, or what a code means.",
    "diff": "Say what differs in meaning between two specs, or two revisions of one.",
    "compare": "Show scores side by side, and all in which arms or revisions differ.",
    "components": "List what a spec can name: policies, engines, checks, ...",
    "lock": "Pin revisions of the hub, data files and components.",
    "graph": "Print the pipeline as mermaid, dot or JSON.",
    "report": "Print the results of an experiment.",
    "trace": "Say what led to a generated example, or what was answered to an item.",
    "replicate": "Compute stages again, beside their results, and say what is equal.",
    "verify": "Read results again, and say which are not what their locks say.",
    "export": "Write the examples that a run has accepted as JSON lines.",
    "bundle": "Write a study into one file, for another team.",
    "open": "Open a study that another team has written into a file.",
    "track": "Bring MLflow up to date with the results.",
    "ui": "Bring MLflow up to date and open it.",
    "journal": "Say what is kept of teachers' responses; export and import it.",
    "gc": "Remove stages and results that no spec needs.",
    "schema": "Print or refresh the JSON Schema of the spec language.",
    "doctor": "Check this machine and repository.",
}

HIDDEN: Final = ("merge", "node")
"""Commands that are for programs and not listed."""


class Commands(click.Group):
    """A group whose commands are imported when called, so that `validate` starts at once."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """The names, in the order of use."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Imports one command."""
        if cmd_name not in COMMANDS and cmd_name not in HIDDEN:
            return None
        module = importlib.import_module(f"dataenvgym_spec.cli.{cmd_name}")
        command: click.Command = module.command
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Lists the commands without importing them."""
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Adds a suggestion to an unknown command."""
        from dataenvgym_spec.core.errors import suggest

        name = args[0] if args else "--help"
        if name not in COMMANDS and name not in HIDDEN and not name.startswith("-"):
            ctx.fail(f"there is no command '{name}'; {suggest(name, COMMANDS)}")
        return super().resolve_command(ctx, args)


@click.command(cls=Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="dataenvgym-spec")
def cli() -> None:
    """Declarative, reproducible experiments in closed-loop data generation.

    \b
    Example:
      dataenvgym validate specs/quickstart.yaml
      dataenvgym run quickstart
    """
