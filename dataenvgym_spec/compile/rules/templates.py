"""The prompt's template is Jinja."""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache

import jinja2
from jinja2.sandbox import SandboxedEnvironment

from dataenvgym_spec.core.errors import Diagnostic
from dataenvgym_spec.resolve.arms import Arm


def check(arm: Arm) -> Iterator[Diagnostic]:
    """A template that cannot be parsed."""
    wrong = _syntax(arm.experiment.student.prompt.template)
    if wrong:
        node = arm.node.at(("student", "prompt", "template"))
        message = f"the template '{node.value}' is no valid Jinja: {wrong}"
        yield node.fault("E203", message, "correct the template")


@lru_cache(maxsize=256)
def _syntax(template: str) -> str:
    """What is wrong with a template's syntax."""
    try:
        SandboxedEnvironment().parse(template)
    except jinja2.TemplateSyntaxError as error:
        return f"line {error.lineno}: {error.message}"
    except RecursionError:
        return "it is nested too deeply"
    except ValueError as error:  # a number of more digits than Python converts
        return str(error)
    return ""
