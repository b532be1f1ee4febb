"""The images of generated examples, as parts of the page."""

from __future__ import annotations

import base64
from typing import Final

from dataenvgym_spec.results.trace import Trace

MOST: Final = 4
"""Images of an example that the page shows."""
LARGEST: Final = 300_000
"""Bytes of an image that the page holds; a larger one is in its port."""


def pictures(trace: Trace) -> list[str]:
    """The first images of an example as data, so that the page asks for no other file."""
    uris = []
    for picture in trace.example.pictures[:MOST]:
        path = trace.generate.port("candidates") / picture.file
        if path.is_file() and path.stat().st_size <= LARGEST:
            data = base64.b64encode(path.read_bytes()).decode()
            uris.append(f"data:{picture.media};base64,{data}")
    return uris
