"""Text that a model or a stranger wrote, made harmless for a page or for Markdown."""

from __future__ import annotations

import re
from typing import Final

_MARKUP: Final = re.compile(r"""
    (?P<sign>[\\`*_{}\[\]()#|~!])
  | (?P<entity>[<>&@$]|:(?=\S))
  | (?<=www)(?P<dot>\.)
  | ^(?P<head>[-+=])(?=[-+=\s]|$)
  | ^(?P<number>\d+)(?P<point>\.)(?=\s|$)
""", re.VERBOSE | re.IGNORECASE)  # fmt: skip
"""What Markdown reads: markup, HTML, links and addresses that become links, lists and rules.

A backslash is not enough for the second group: showdown, with which MLflow shows descriptions,
takes it before fewer characters than CommonMark does, and `\\<img` is an image to it.
"""


def clean(text: str) -> str:
    r"""Foreign text without characters that are invisible or reorder what is around them.

    >>> clean("a\u202eb\tc")
    'a\ufffdb c'
    """
    # Most texts are harmless, and a page may hold ten thousand.
    if text.replace("\n", "").isprintable():
        return text
    return "".join(map(_visible, text))


def _visible(letter: str) -> str:
    if letter.isprintable() or letter == "\n":
        return letter
    return " " if letter.isspace() else "\ufffd"


def markdown_text(text: str) -> str:
    r"""Foreign text for one line of Markdown: it is shown as it stands, and does nothing.

    Some readers, such as remark, make a link of an address after all: of the text that they show.

    >>> print(markdown_text("[a](b) | <img>\n@x http://y: 50%"))
    \[a\]\(b\) \| &lt;img&gt; &#64;x http&#58;//y: 50%
    """
    return _MARKUP.sub(_harmless, " ".join(clean(text).split()))


def markdown_paragraphs(text: str) -> str:
    r"""Foreign text for Markdown, of which nothing but the paragraphs is kept.

    >>> markdown_paragraphs("Does *it*\nteach?\n\n# Yes")
    'Does \\*it\\* teach?\n\n\\# Yes'
    """
    paragraphs = map(markdown_text, re.split(r"\n\s*\n", text))
    return "\n\n".join(filter(None, paragraphs))


_ENTITIES: Final = {"<": "&lt;", ">": "&gt;", "&": "&amp;"}


def _harmless(found: re.Match[str]) -> str:
    letter = found["entity"]
    if letter:
        return _ENTITIES.get(letter, f"&#{ord(letter)};")
    if found["number"]:
        return f"{found['number']}\\."
    return f"\\{found[0]}"
