"""Takes what opens an account out of the words of others, however they write it. Reads nothing."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Final
from urllib.parse import parse_qsl, urlsplit

SHORTEST: Final = 6
"""Characters of a secret; a shorter one hides nothing, and its letters are in every text."""
HIDDEN: Final = "[key]"
"""Stands where a secret stood."""
NAMES: Final = re.compile(
    r"(^|_|API)(KEY|TOKEN|SECRET|PASSWORD|PASSWD|PASS|CREDENTIALS?)$", re.IGNORECASE
)
"""Variables whose values open something, by the ends of their names."""
MARKS: Final = ("\\u", "\\x", "%", "&#")
"""What a character is written with in other ways than by itself."""
NESTED: Final = 6
"""Backslashes more than one before a character of JSON that stands in JSON in JSON."""


class Secrets:
    r"""What must be in no text that is kept or shown.

    A text is searched as it came, before anything reads it: a secret is found also where some of
    its characters are escaped, as JSON, an address or a page may do, even in a text that is torn
    or that holds another one.

    >>> Secrets(["sk-a/b-c"]).hide(r'"Bearer \u0073k-a\/b-c"')
    '"Bearer [key]"'

    Args of the constructor:
        values: the secrets; what is shorter than `SHORTEST` is not looked for.
    """

    def __init__(self, values: Iterable[str]) -> None:
        stripped = {value.strip() for value in values}
        # Of two that begin alike the longer one goes.
        held = sorted((one for one in stripped if len(one) >= SHORTEST), key=len, reverse=True)
        alternatives = "|".join("".join(map(_written, value)) for value in held)
        self._pattern = re.compile(alternatives)
        # One of these is in a text that holds a secret; most texts hold none of them.
        odd = {f"\\{letter}" for value in held for letter in value if not letter.isalnum()}
        self._signs = (*held, *MARKS, *sorted(odd)) if held else ()

    def hide(self, text: str) -> str:
        """A text without the secrets."""
        if any(sign in text for sign in self._signs):
            return self._pattern.sub(HIDDEN, text)
        return text


def opening(environ: Mapping[str, str]) -> Iterator[str]:
    """What of an environment opens an account: keys by their names, and passwords in addresses.

    >>> list(opening({"HF_TOKEN": "hf_a", "HTTPS_PROXY": "http://me:pw@host", "MONKEY": "b"}))
    ['hf_a', 'pw']
    """
    for name, value in environ.items():
        if NAMES.search(name):
            yield value
        elif "@" in value and "://" in value:
            yield from in_address(value)


def in_address(address: str) -> Iterator[str]:
    """What may be secret in an address: its password, and what its query says.

    >>> list(in_address("https://me:pw@example.org/v1?key=abc"))
    ['pw', 'abc']
    """
    try:
        parts = urlsplit(address)
    except ValueError:
        return
    user, _, password = parts.netloc.rpartition("@")[0].partition(":")
    yield from filter(None, [password or user])
    yield from (value for _, value in parse_qsl(parts.query))


def _written(character: str) -> str:
    """A pattern of the ways to write a character, the longest first.

    Each begins with one certain letter, so that a search passes quickly over all others.
    """
    plain, number = re.escape(character), ord(character)
    octets = "".join(f"%{_hex(f'{octet:02x}')}" for octet in character.encode(errors="replace"))
    escaped = rf"\\\\{{0,{NESTED}}}"
    ways = [octets, f"{escaped}(?:u{_hex(f'{number:04x}')}|x{_hex(f'{number:02x}')})"]
    ways.append(f"&#(?:{number}|[xX]0*{_hex(f'{number:x}')});")
    if not character.isalnum():
        ways.append(f"{escaped}{plain}")
    return f"(?:{'|'.join([*ways, plain])})"


def _hex(digits: str) -> str:
    """A pattern of hexadecimal digits in letters of either case."""
    return "".join(f"[{digit}{digit.upper()}]" for digit in digits)
