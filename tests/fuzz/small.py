"""Small edits of valid JSON, after which it is valid JSON still: what a hand, a script or a merge makes of a file."""

from __future__ import annotations

import json
import random
from typing import Any

from tests.fuzz.mutation import ODD, places

TAILS = ("x", "-2", " ", "é", *ODD)
"""What a name or a text gets at its end."""


def small(data: bytes, rng: random.Random) -> bytes:
    """Data with one or two small edits: of its JSON, or of one of its rows of JSON; as it is where it has none."""
    rows = data.split(b"\n")
    try:
        json.loads(data)
    except ValueError:
        at = rng.randrange(len(rows))
        rows[at] = _edited(rows[at], rng)
        return b"\n".join(rows)
    return _edited(data, rng)


def _edited(data: bytes, rng: random.Random) -> bytes:
    try:
        content = json.loads(data)
    except ValueError:
        return data
    for _ in range(rng.choice([1, 1, 2])):
        found = list(places(content))
        if found:
            # An index has a thousand places of stages, and ten others that all of them refer to.
            top = (
                [one for one in found if one[0] is content or one[0] in content.values()]
                if isinstance(content, dict)
                else []
            )
            edit(*rng.choice(top if top and rng.random() < 0.5 else found), rng)
    return json.dumps(content, ensure_ascii=False).encode("utf-8", "surrogatepass")


def edit(holder: Any, key: Any, rng: random.Random) -> None:
    """Renames a key, drops an item, repeats one, or changes one a little."""
    value = holder[key]
    match rng.randrange(5):
        case 0 if isinstance(holder, dict):
            holder[key + rng.choice(TAILS)] = holder.pop(key)
        case 1:
            del holder[key]
        case 2 if isinstance(holder, list):
            holder.append(value)
        case _ if isinstance(value, str):
            holder[key] = rng.choice([value + rng.choice(TAILS), value[:-1], ""])
        case _ if isinstance(value, bool):
            holder[key] = not value
        case _ if isinstance(value, int | float):
            holder[key] = rng.choice([value + 1, value - 1, -value, 99, 10**9, value + 0.5])
        case _ if isinstance(value, dict) and value:
            name = rng.choice(sorted(value))
            value[name + rng.choice(TAILS)] = value.pop(name)
        case _ if isinstance(value, list) and value:
            del value[rng.randrange(len(value))]
        case _:
            holder[key] = None
