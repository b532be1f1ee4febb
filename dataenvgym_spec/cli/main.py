"""The command line. Each command is a file of its own and is imported only when it is called."""

from __future__ import annotations

import importlib
import io
import os
import sys
import traceback
from typing import Final

import click

from dataenvgym_spec.core.errors import SpecError, UserError, more, refused, visible

COMMANDS: Final = {
    "init": "Make a new repository that runs.",
    "validate": "Check specs and report everything that is wrong.",
    "compile": "Write the pipeline of specs: dvc.yaml, experiments/, store/.",
    "plan": "Say what will run, be reused or restored, and why.",
    "run": "Compile an experiment and reproduce it with DVC.",
    "status": "Say what is done, running, failed or missing.",
    "show": "Print a spec in full, as it is after resolution.",
    "explain": "Say who set a value, or what a code means.",
    "diff": "Say what differs in meaning between two specs, or two revisions of one.",
    "lock": "Pin revisions of the hub, data files and components.",
    "graph": "Print the pipeline as mermaid, dot or JSON.",
    "report": "Print the results of an experiment.",
    "track": "Bring MLflow up to date with the results.",
    "ui": "Bring MLflow up to date and open it.",
    "gc": "Remove stages and results that no spec needs.",
    "schema": "Print or refresh the JSON Schema of the spec language.",
    "doctor": "Check this machine and repository.",
}

HIDDEN: Final = ("merge", "stage")
"""Commands that are for programs and not listed."""
INTERRUPTED: Final = 130
"""The exit code of what Ctrl-C ended, as shells have it."""
LONGEST_LINE: Final = 10_000
"""A longer line of a message is cut."""


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


def main() -> None:
    """Runs a command. Every error is one message.

    The exit code says whose it is: 2 the user's, 1 a failed stage's, 3 a limit's, 130 Ctrl-C's.
    """
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            # A terminal that knows ASCII only still gets the message.
            stream.reconfigure(errors="backslashreplace")
    try:
        code = cli(standalone_mode=False)
        sys.stdout.flush()
    except SpecError as error:
        _complain(_spec_errors(error))
        sys.exit(2)
    except UserError as error:
        _complain(f"error: {error.message}", help=error.help)
        sys.exit(error.exit_code)
    except click.ClickException as error:
        error.show()
        sys.exit(2)
    except (click.Abort, KeyboardInterrupt):
        # A stage gets the same Ctrl-C and leaves the message to the command that started it.
        if "stage" not in sys.argv[1:2]:
            _complain("interrupted: nothing is lost; the same command goes on from here")
        sys.exit(INTERRUPTED)
    except BrokenPipeError:
        # The reader (such as `head`) is gone. Python would fail once more when it flushes at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(0)
    except OSError as error:
        failure = refused(error)
        _complain(f"error: {failure.message}", help=failure.help)
        sys.exit(failure.exit_code)
    except Exception as error:  # the last resort: a fault of ours, reported without a traceback
        if os.environ.get("DATAENVGYM_DEBUG"):
            traceback.print_exc()
        help = "set DATAENVGYM_DEBUG=1 for the traceback, and report it"
        _complain(f"internal error: {type(error).__name__}: {error}", help=help)
        sys.exit(1)
    sys.exit(code if isinstance(code, int) else 0)


def _spec_errors(error: SpecError) -> str:
    """All diagnostics, their number, and where to read more."""
    count = sum(diagnostic.severity == "error" for diagnostic in error.diagnostics)
    errors = "1 error" if count == 1 else f"{count} errors"
    return f"{error}\n\n{errors}; {more(error.diagnostics)}"


def _complain(text: str, *, help: str = "") -> None:
    """Prints a message on standard error, after everything that was printed before."""
    sys.stdout.flush()
    if help:
        text = f"{text}\n  = help: {help}"
    # A name in a message can be a stranger's: a terminal shall show its characters, not obey them.
    lines = [visible(line, limit=LONGEST_LINE) for line in text.split("\n")]
    print("\n".join(lines), file=sys.stderr, flush=True)
