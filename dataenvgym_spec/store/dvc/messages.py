"""DVC's command line with some of its messages as a user needs them.

Its closing hint, a `git add` that names every lock by itself, is left out: DVC has no setting for
it but `core.autostage`, which changes the user's index. And a disk that is full, which DVC calls
"no possible cache link types" (dvc/output.py drops the reason), is called so. A stage that Ctrl-C
ended is no failure.

It is `python -m dataenvgym_spec.store.dvc.messages repro ...`, for `dataenvgym run`.
"""

from __future__ import annotations

import logging
import shutil
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

from dataenvgym_spec.core.text import size_text

HINTS: Final = "dvc.repo.scm_context"
"""The module of DVC whose messages are the closing hint."""
INTERRUPTED: Final = 130
"""The exit code of what Ctrl-C ended."""
FAILURES: Final = "dvc.cli"
"""The module of DVC that says why a command failed."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs DVC.

    Args:
        arguments: of its command line; those of this process if None.

    Returns:
        Its exit code.
    """
    from dvc.cli import main as dvc

    unlinked: list[str] = []

    def notice(record: logging.LogRecord) -> bool:
        for error in _chain(record):
            unlinked.extend(getattr(error, "fs_paths", ()))
            # After Ctrl-C whoever started DVC says that nothing is lost.
            if str(error).endswith(f"exited with {INTERRUPTED}"):
                return False
        return True

    logging.getLogger(HINTS).addFilter(_is_warning)
    logging.getLogger(FAILURES).addFilter(notice)
    code = int(dvc(list(sys.argv[1:] if arguments is None else arguments)))
    if unlinked:
        print(f"  = help: {_explanation(Path(unlinked[0]).parent)}", file=sys.stderr)
    return code


def _chain(record: logging.LogRecord) -> Iterator[BaseException]:
    """The exception that a message tells of, and what it was raised for."""
    error = record.exc_info[1] if record.exc_info else None
    while error:
        yield error
        error = error.__cause__ or error.__context__


def _explanation(folder: Path) -> str:
    """What a failed link into a folder means, with the space that is left there."""
    try:
        space = f"{size_text(shutil.disk_usage(folder).free)} are free at '{folder}'"
    except OSError:
        space = f"'{folder}' cannot be looked at"
    return (
        "DVC could not bring a result from its cache to its place, nearly always because the disk "
        f"is full: {space}; free some space, for example with 'dataenvgym gc'"
    )


def _is_warning(record: logging.LogRecord) -> bool:
    """Whether a message is more than a hint."""
    return record.levelno >= logging.WARNING


if __name__ == "__main__":
    sys.exit(main())
