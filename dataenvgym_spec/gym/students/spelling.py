"""Special tokens that are spelled out in a text: which are tokens, and which are only text.

A tokenizer takes every text that looks like one of its special tokens for that token. A question or
an answer may hold such a text, and then a student would see an end where there is none.
"""

from __future__ import annotations

import copy
import re
from collections.abc import Sequence
from typing import Any, Final

from dataenvgym_spec.core.errors import StageError

BREAK: Final = "\ufdd1"
"""Stands behind the first sign of what only looks like a special token. No text holds it."""
ALIAS: Final = "\ufdd0"
"""Begins and ends what stands for a special token where others are only spelled out."""


class Spelling:
    """Tokenizes texts in which special tokens may be spelled out.

    Attributes:
        special: what looks like a special token, with the token as the tokenizer has it.
    """

    def __init__(self, tokenizer: Any) -> None:
        self.tokenizer = tokenizer
        self.special: dict[str, Any] = {}
        for token in tokenizer.added_tokens_decoder.values():
            if token.special and token.content:
                self.special[token.content] = token
        self._aliases: dict[str, str] = {}
        for number, content in enumerate(self.special):
            self._aliases[content] = f"{ALIAS}{number}{ALIAS}"
        longest = sorted(self.special, key=len, reverse=True)
        self._looks = re.compile("|".join(map(re.escape, longest)) or r"(?!)")
        self._apart: Any = None

    def first(self, text: str) -> re.Match[str] | None:
        """The first special token that a text spells out."""
        return self._looks.search(text)

    def guard(self, text: str) -> str:
        """A text in which nothing is a special token any more."""
        return self._looks.sub(lambda found: _broken(found.group()), text)

    def guard_given(self, text: str, given: Sequence[tuple[int, int]]) -> str:
        """A text in which nothing is a special token that touches what an item gave.

        Args:
            text: the text.
            given: where in it that stands, from and to.
        """

        def one(found: re.Match[str]) -> str:
            touches = any(found.start() < end and start < found.end() for start, end in given)
            return _broken(found.group()) if touches else found.group()

        return self._looks.sub(one, text)

    def encode(self, guarded: str, *, add_special_tokens: bool) -> list[int]:
        """The tokens of a text in which what only looks like special tokens is guarded.

        Args:
            guarded: the text.
            add_special_tokens: whether the tokenizer puts before and behind it what it is used to.

        Raises:
            StageError: the tokenizer cannot tell the two apart.
        """
        if BREAK not in guarded:
            ids = self.tokenizer(guarded, add_special_tokens=add_special_tokens).input_ids
            return list(ids)
        aliased = guarded.replace(ALIAS, "\ufffd")
        aliased = self._looks.sub(lambda found: self._aliases[found.group()], aliased)
        encoding = self._copy().encode(
            aliased.replace(BREAK, ""), add_special_tokens=add_special_tokens
        )
        return [self._ids.get(token, token) for token in encoding.ids]

    def _copy(self) -> Any:
        """A copy of the tokenizer that takes only aliases for special tokens."""
        if self._apart is None:
            if not self.tokenizer.is_fast:
                message = "a question or answer spells out a special token of the student"
                help = "take a model with a tokenizer.json, or leave such items out"
                raise StageError(message, help=help)
            self._apart = copy.deepcopy(self.tokenizer.backend_tokenizer)
            self._apart.encode_special_tokens = True
            self._ids = self._add_aliases(self._apart)
        return self._apart

    def _add_aliases(self, apart: Any) -> dict[int, int]:
        """Adds the aliases to a tokenizer; returns the ids of what they stand for, by their own."""
        from tokenizers import AddedToken

        added = []
        for content, alias in self._aliases.items():
            strips = {side: getattr(self.special[content], side) for side in ("lstrip", "rstrip")}
            added.append(AddedToken(alias, special=False, normalized=False, **strips))
        # All at once: a tokenizer of thousands takes a moment for each time.
        apart.add_tokens(added)
        return {
            apart.token_to_id(alias): apart.token_to_id(content)
            for content, alias in self._aliases.items()
        }


def _broken(content: str) -> str:
    return content[0] + BREAK + content[1:]
