"""Importing this package is what reading a definition must not do."""

import os
from pathlib import Path

if os.environ.get("GREEDY_TRACE"):
    Path(os.environ["GREEDY_TRACE"]).touch()
