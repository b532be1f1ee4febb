"""What tracking has changed on a server, counted while it is at work."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(slots=True, kw_only=True)
class Changes:
    """What has been changed so far: it counts on when something is tried again, and if that fails.

    Attributes:
        created: how many runs were made.
        removed: how many others were taken away.
        logged: how many values were added: params, points, tags, inputs, artifacts, links.
    """

    created: int = 0
    removed: int = 0
    logged: int = 0
