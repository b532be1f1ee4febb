"""What happens in the process of a program: it is executed, and answers calls of its functions.

Whatever is in this process belongs to the program, so nothing here decides anything: it is given
inputs, and what it gives back is a claim that is tested elsewhere. A program that reads its
standard input has no channel at all but its standard output.
"""

from __future__ import annotations

import atexit
import os
import signal
import socket
import sys
import threading
import types
from collections.abc import Sequence
from typing import Any, Final

from dataenvgym_spec.gym.sandboxes.messages import receive, send
from dataenvgym_spec.gym.sandboxes.values import Opaque, UnfitError, decoded, encoded

MODULE: Final = "solution"
"""What a program is called where its functions are; one that is run as a whole is `__main__`."""
RAISED: Final = 70
"""The exit code of a program that ended with an exception."""
MEMORY: Final = 71
"""The exit code of one that had not enough memory."""
MOST_WORDS: Final = 300
"""How much of an exception is told, in characters."""
_FILE: Final = "<program>"


def run_whole(sources: Sequence[str]) -> int:
    """Runs a program as a script, and returns its exit code.

    `sys.exit` is an end like any other, whatever its code.
    """
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)
    atexit._clear()
    for name, descriptor, mode in (("stdin", 0, "r"), ("stdout", 1, "w"), ("stderr", 2, "w")):
        stream = os.fdopen(
            descriptor, mode, encoding="utf-8", errors="surrogateescape", closefd=False
        )
        setattr(sys, name, stream)
        setattr(sys, f"__{name}__", stream)
    code = 0
    try:
        _execute(sources, "__main__")
    except SystemExit:
        pass
    except MemoryError:
        code = MEMORY
    except BaseException:
        code = RAISED
    # As an interpreter ends: threads that it waits for, then what is registered, then what is left
    # to write.
    threading._shutdown()  # type: ignore[attr-defined]
    atexit._run_exitfuncs()
    sys.stdout.flush()
    return code


def serve_calls(sources: Sequence[str], channel: socket.socket) -> None:
    """Executes a program, and calls its functions as it is asked to."""
    kept: dict[int, Any] = {}

    def keep(value: Any) -> Opaque:
        kept[len(kept)] = value
        return Opaque(len(kept) - 1, type(value).__name__)

    names: dict[str, Any] = {}
    answer = _attempted(lambda: names.update(_execute(sources, MODULE)))
    while True:
        send(channel, answer)
        asked = receive(channel)
        if asked is None:
            return
        answer = _attempted(lambda asked=asked: _called(names, asked, kept, keep))


def _called(names: dict[str, Any], asked: Any, kept: dict[int, Any], keep: Any) -> Any:
    function = _function(names, asked["name"])
    arguments = [decoded(one, kept) for one in asked["arguments"]]
    options = {name: decoded(one, kept) for name, one in asked["options"].items()}
    return encoded(function(*arguments, **options), keep)


def _function(names: dict[str, Any], name: str) -> Any:
    """What a name stands for: a method of `Solution` where the program has one, else its own."""
    solution = names.get("Solution")
    if isinstance(solution, type) and hasattr(solution, name):
        return getattr(solution(), name)
    if name not in names:
        raise NameError(f"name '{name}' is not defined")
    return names[name]


def _attempted(work: Any) -> dict[str, Any]:
    """What work gives, or how it failed."""
    try:
        return {"value": work()}
    except MemoryError:
        return {"raised": "MemoryError", "words": ""}
    except UnfitError as error:
        return {"raised": "TypeError", "words": str(error)[:MOST_WORDS]}
    except SystemExit:
        os._exit(0)
    except BaseException as error:
        words = ""
        try:
            words = str(error)[:MOST_WORDS]
        except BaseException:
            words = "an exception that cannot say what it is"
        return {"raised": _standard(type(error)), "words": words}


def _standard(kind: type[BaseException]) -> str:
    """The exception, or the nearest base of it that Python itself has."""
    return next(base.__name__ for base in kind.__mro__ if base.__module__ == "builtins")


def _execute(sources: Sequence[str], name: str) -> dict[str, Any]:
    """Executes texts one after the other in one module, and returns its names.

    It is a module for `pickle` and `dataclasses` too.
    """
    module = types.ModuleType(name)
    sys.modules[name] = module
    for source in sources:
        exec(compile(source, _FILE, "exec", dont_inherit=True), vars(module))
    return vars(module)
