"""YAML as DVC reads and writes it: what a file of DVC's would look like if DVC had written it."""

from __future__ import annotations

from typing import Any, Final

import yaml

from dataenvgym_spec.language.scalars import is_text

LOADER: Final = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
DUMPER: Final = getattr(yaml, "CSafeDumper", yaml.SafeDumper)

MOST_LEVELS: Final = 500
"""A block has at most two levels a column, and brackets one each."""
MOST_NODES: Final = 1_000_000
"""Where parts stand for others; a file of DVC's that is larger has no such parts."""


class _Dumper(DUMPER):  # type: ignore[misc, valid-type]
    """Writes no aliases, and quotes a text that YAML 1.2 would read as something else."""

    def ignore_aliases(self, data: Any) -> bool:
        """Equal values are written out."""
        return True


def _text(dumper: Any, value: str) -> Any:
    # PyYAML quotes what YAML 1.1 takes for a number; `1e-4` and `0o17` are numbers in 1.2 only.
    style = None if is_text(value) else "'"
    return dumper.represent_scalar("tag:yaml.org,2002:str", value, style=style)


_Dumper.add_representer(str, _text)


def load(text: str) -> Any:
    """What a text says, by libyaml where it is there (a thousand stages are read).

    Raises:
        yaml.YAMLError: it is no YAML, or more than anything that is written.
    """
    if _may_be_too_much(text):
        _refuse_too_much(text)
    try:
        return yaml.load(text, Loader=LOADER)
    except (ValueError, RecursionError) as error:
        # A number of thousands of digits, or a 13th month.
        raise yaml.YAMLError(str(error)) from error


def _may_be_too_much(text: str) -> bool:
    """Whether a text has so many brackets, such a line or, perhaps, parts that stand for others."""
    brackets = text.count("[") + text.count("{")
    longest = max(map(len, text.split("\n")))
    return max(brackets, longest) > MOST_LEVELS or ("&" in text and "*" in text)


def _refuse_too_much(text: str) -> None:
    """Counts what a text says, one event after the other, before anything is made of it.

    libyaml's nodes overflow the stack of the process where they are nested too deep, and a part
    that stands for ten others, which stand for ten each, is small until somebody writes it out.

    Raises:
        yaml.YAMLError: it is too much, it holds itself, or it is no YAML.
    """
    open_nodes: list[list[Any]] = [[None, 0]]
    sizes: dict[str, int] = {}
    for event in yaml.parse(text, Loader=LOADER):
        if isinstance(event, yaml.AliasEvent):
            if event.anchor not in sizes:
                raise yaml.YAMLError(f"'{event.anchor}' stands for nothing, or holds itself")
            open_nodes[-1][1] += sizes[event.anchor]
        elif isinstance(event, yaml.NodeEvent):
            open_nodes.append([event.anchor, 1])
        if isinstance(event, yaml.ScalarEvent | yaml.CollectionEndEvent):
            anchor, size = open_nodes.pop()
            sizes |= {anchor: size} if anchor else {}
            open_nodes[-1][1] += size
        if len(open_nodes) > MOST_LEVELS or open_nodes[-1][1] > MOST_NODES:
            raise yaml.YAMLError("it is nested too deep, or would be too large written out")


def dump(content: Any, *, sort_keys: bool = True) -> str:
    """YAML as DVC writes it: block style, keys sorted, no aliases."""
    return yaml.dump(
        content,
        Dumper=_Dumper,
        sort_keys=sort_keys,
        default_flow_style=False,
        width=1000,
        allow_unicode=True,
    )
