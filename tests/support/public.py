"""Public data sets that the tests read where they are, and that the repository does not ship.

`DATAENVGYM_TEST_DATA` names their folder; without it they are looked for beside the checkout.
"""

from __future__ import annotations

import gzip
import json
import os
from pathlib import Path
from typing import Any, Final

import pytest

from tests.support.repositories import ROOT

VARIABLE: Final = "DATAENVGYM_TEST_DATA"


def public_data() -> Path:
    """The folder of the public data sets, which may not be there."""
    given = os.environ.get(VARIABLE)
    return Path(given) if given else ROOT.parent / "shared" / "data"


def needs_public(*names: str) -> pytest.MarkDecorator:
    """Skips a test where a file is not in the folder; the summary says which."""
    missing = [name for name in names if not (public_data() / name).is_file()]
    reason = f"no {' or '.join(missing)} in {public_data()}: {VARIABLE} names the folder"
    return pytest.mark.skipif(bool(missing), reason=reason)


def public_rows(name: str, step: int = 1) -> list[dict[str, Any]]:
    """Every so many of the rows of a file of JSON lines, which may be compressed."""
    data = (public_data() / name).read_bytes()
    text = (gzip.decompress(data) if name.endswith(".gz") else data).decode("utf-8")
    return [json.loads(line) for line in text.splitlines()[::step]]
