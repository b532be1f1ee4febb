"""What a rehearsal fetches of the hub, if it can be reached: small files of models, and rows."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final
from urllib.error import HTTPError, URLError
from urllib.request import Request, urlopen

PATIENCE: Final = 5.0
"""Seconds to wait for a sign of the hub."""
SMALL_FILES: Final = ("*.json", "*.jinja", "*.txt", "*.model")
"""Configuration, tokenizer, chat template; no weights."""
MOST: Final = 1 << 28
"""Bytes of a data set, all of which is fetched for a handful of rows."""
LEFT: Final = ("*.index.json", "*training_args*", "onnx/*", "original/*")


@dataclass(slots=True, kw_only=True)
class HubAccess:
    """The hub as this machine reaches it.

    Attributes:
        asks: whether it may be asked at all.
        refused: what it said of a repository that it does not give, by its id.
    """

    asks: bool = True
    refused: dict[str, str] = field(default_factory=dict)
    _reached: bool | None = None

    @property
    def reached(self) -> bool:
        """Whether it answers; found out once."""
        if self._reached is None:
            self._reached = self.asks and _answers()
        return self._reached

    def folder(self, model: str, revision: str) -> Path | None:
        """Where the small files of a model lie; None if they cannot be had.

        Args:
            model: its id.
            revision: a commit, branch or tag.
        """
        here = self._snapshot(model, revision, local=True)
        if here is not None or not self.reached:
            return here
        return self._snapshot(model, revision, local=False)

    def gives_data(self, name: str, revision: str) -> bool:
        """Whether a data set can be fetched, and is not too large for that."""
        if not self.reached:
            return False
        from huggingface_hub import HfApi
        from huggingface_hub.errors import HfHubHTTPError

        try:
            found = HfApi().dataset_info(name, revision=revision, files_metadata=True)
        except (HfHubHTTPError, OSError, ValueError) as error:
            self.refused[name] = str(error).splitlines()[0]
            return False
        return sum(file.size or 0 for file in found.siblings or ()) <= MOST

    def _snapshot(self, model: str, revision: str, *, local: bool) -> Path | None:
        from huggingface_hub import snapshot_download
        from huggingface_hub.errors import HfHubHTTPError, LocalEntryNotFoundError

        try:
            found = snapshot_download(
                model,
                revision=revision,
                allow_patterns=list(SMALL_FILES),
                ignore_patterns=list(LEFT),
                local_files_only=local,
            )
        except LocalEntryNotFoundError:
            return None
        except (HfHubHTTPError, OSError, ValueError) as error:
            if not local:
                self.refused[model] = str(error).splitlines()[0]
            return None
        folder = Path(found)
        return folder if (folder / "config.json").is_file() else None


def config_in(folder: Path) -> dict[str, Any]:
    """The configuration in a model's folder.

    Raises:
        OSError, ValueError: there is none that can be read.
    """
    content = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    if not isinstance(content, dict):
        raise ValueError("config.json is no object")
    return content


def _answers() -> bool:
    """Whether the hub says anything at all."""
    from huggingface_hub import constants

    if constants.HF_HUB_OFFLINE:
        return False
    request = Request(constants.ENDPOINT, method="HEAD")
    try:
        with urlopen(request, timeout=PATIENCE):
            return True
    except HTTPError:
        return True
    except (URLError, OSError, ValueError):
        return False
