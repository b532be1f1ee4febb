"""YAML as DVC reads and writes it: what a file of DVC's would look like if DVC had written it."""

from __future__ import annotations

from typing import Any, Final

import yaml

from dataenvgym_spec.language.scalars import is_text

LOADER: Final = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
DUMPER: Final = getattr(yaml, "CSafeDumper", yaml.SafeDumper)


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
        yaml.YAMLError: it is no YAML.
    """
    return yaml.load(text, Loader=LOADER)


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
