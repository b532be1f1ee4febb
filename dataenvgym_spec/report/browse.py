"""The generated examples as a page that works offline: to be searched, filtered and opened.

It holds its data as text that no browser executes, and one script, which its own policy allows by
its hash and which makes nothing of foreign text but text. Where the examples are too many for one
file, their parts are files beside it that the script fetches when they are looked at: scripts, for
a browser reads nothing else beside a page that was opened as a file. `page` is what can be read
without any script.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator, Sequence
from importlib.resources import files
from typing import Final

from jinja2 import Environment, FunctionLoader, StrictUndefined
from markupsafe import Markup

from dataenvgym_spec.core.foreign import clean
from dataenvgym_spec.core.hashing import sha256_text
from dataenvgym_spec.report.packing import Packing, share_of
from dataenvgym_spec.report.text import count
from dataenvgym_spec.results.drill import judged
from dataenvgym_spec.results.experiment import Results

ONE_FILE: Final = 24_000_000
"""Characters of all parts that are still within the page; more are files beside it."""
PAGE: Final = "index.html"


def browse(results: Results) -> Iterator[tuple[str, str]]:
    """The files of the page, by name, the page itself last; equal results give equal bytes.

    Of very many examples it has some, evenly taken, and says of how many.
    """
    packing = Packing()
    amount = sum(one.amount for one in judged(results))
    within: list[str] = []
    size = beside = 0
    for part in packing.parts(judged(results), share_of(amount)):
        within.append(_json(part))
        size += len(within[-1])
        if size <= ONE_FILE:
            continue
        for text in within:
            yield (
                f"part-{beside}.js",
                f"document.currentScript.part={json.dumps(text, ensure_ascii=False)};\n",
            )
            beside += 1
        within.clear()
    yield PAGE, _page(results.name, packing, within, amount)


def _page(name: str, packing: Packing, within: Sequence[str], amount: int) -> str:
    script = _read("browse.js")
    allowed = base64.b64encode(bytes.fromhex(sha256_text(script))).decode()
    head = packing.head
    environment = Environment(
        loader=FunctionLoader(_read),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {"count": count, "clean": clean}
    html = environment.get_template("browse.html.j2").render(
        name=name,
        total=len(head["examples"]),
        amount=amount,
        left_out=packing.left_out,
        style=Markup(_read("page.css") + _read("browse.css")),
        script=Markup(script),
        allowed=allowed,
        apart=bool(head["sizes"]) and not within,
        head=Markup(_json(head)),
        parts=list(map(Markup, within)),
    )
    return f"{html}\n"


def _json(data: object) -> str:
    text = json.dumps(data, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    # Nothing in it may end the element that it stands in, nor begin a comment.
    return text.replace("<", "\\u003c")


def _read(name: str) -> str:
    return (files("dataenvgym_spec.report") / name).read_text(encoding="utf-8")
