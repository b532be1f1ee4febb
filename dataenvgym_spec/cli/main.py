"""The command line: one command, and what it exits with. The commands are in `commands`."""

from __future__ import annotations

import io
import os
import sys
from collections.abc import Callable
from functools import partial
from types import ModuleType
from typing import Any, Final

from dataenvgym_spec.core.errors import SpecError, UserError, more, refused, visible

INTERRUPTED: Final = 130
"""The exit code of what Ctrl-C ended, as shells have it."""
LONGEST_LINE: Final = 10_000
"""A longer line of a message is cut."""


def main() -> None:
    """Runs a command. Every error is one message.

    The exit code says whose it is: 2 the user's, 1 a failed stage's, 3 a limit's, 130 Ctrl-C's.
    """
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            # A terminal that knows ASCII only still gets the message.
            stream.reconfigure(errors="backslashreplace")
    try:
        code = _command()()
        sys.stdout.flush()
    except SpecError as error:
        _complain(_spec_errors(error))
        sys.exit(2)
    except UserError as error:
        _complain(f"error: {error.message}", help=error.help)
        sys.exit(error.exit_code)
    except _click().ClickException as error:
        error.show()
        sys.exit(2)
    except (_click().Abort, KeyboardInterrupt):
        # A stage gets the same Ctrl-C and leaves the message to the command that started it.
        if sys.argv[1:2] not in (["stage"], ["shard"]):
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
            import traceback

            traceback.print_exc()
        help = "set DATAENVGYM_DEBUG=1 for the traceback, and report it"
        _complain(f"internal error: {type(error).__name__}: {error}", help=help)
        sys.exit(1)
    sys.exit(code if isinstance(code, int) else 0)


def _command() -> Callable[[], Any]:
    """What was called.

    DVC calls `stage` for each stage of each experiment, and that one waits for no other import.
    """
    if sys.argv[1:2] == ["stage"]:
        from dataenvgym_spec.cli.stage import run

        return partial(run, *sys.argv[2:])
    if sys.argv[1:2] == ["shard"]:
        from dataenvgym_spec.cli.shard import run as run_shard

        return partial(run_shard, *sys.argv[2:])
    from dataenvgym_spec.cli.commands import cli

    return partial(cli, standalone_mode=False)


def _click() -> ModuleType:
    """Only a command that fails asks for what click raises."""
    import click

    return click


def _spec_errors(error: SpecError) -> str:
    """All diagnostics, their number, and where to read more."""
    count = sum(diagnostic.severity == "error" for diagnostic in error.diagnostics)
    errors = "1 error" if count == 1 else f"{count} errors"
    return f"{error}\n\n{errors}; {more(error.diagnostics)}"


def _complain(text: str, *, help: str = "") -> None:
    """Prints a message on standard error, after everything that was printed before."""
    from dataenvgym_spec.core.full import with_full_disk
    from dataenvgym_spec.core.secrets import Secrets, opening

    sys.stdout.flush()
    if help:
        text = f"{text}\n  = help: {help}"
    text = with_full_disk(text)
    # Nobody knows what a library puts into the text of an error.
    text = Secrets(opening(os.environ)).hide(text)
    # A name in a message can be a stranger's: a terminal shall show its characters, not obey them.
    lines = [visible(line, limit=LONGEST_LINE) for line in text.split("\n")]
    print("\n".join(lines), file=sys.stderr, flush=True)
