"""A model of the Hugging Face hub, pinned to a commit."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from dataenvgym_spec.core.errors import StageError
from dataenvgym_spec.gym.students.models.protocol import Found

FILES: Final = ("*.json", "*.safetensors", "*.model", "*.jinja", "*.txt")
"""What is downloaded: configuration, weights, tokenizer, chat template."""


class HubModel:
    """A student on the hub. Its files lie in the hub's cache of this machine."""

    def __init__(self, *, id: str, revision: str) -> None:
        self.id, self.revision = id, revision

    def find(self, size: int | None = None) -> Found:
        """Downloads what of the model's files is not here.

        Raises:
            StageError: it cannot be downloaded.
        """
        from huggingface_hub.errors import HfHubHTTPError, LocalEntryNotFoundError

        try:
            here = self._snapshot(local_files_only=True)
        except (LocalEntryNotFoundError, OSError):
            here = None
        if here is not None and here.size == size:
            return here
        try:
            return self._snapshot(local_files_only=False)
        except (HfHubHTTPError, LocalEntryNotFoundError, OSError) as error:
            raise StageError(
                f"the model '{self.id}' cannot be downloaded: {error}",
                help="check its id and revision, the network, and HF_TOKEN for a gated model",
            ) from error

    def _snapshot(self, *, local_files_only: bool) -> Found:
        from huggingface_hub import snapshot_download

        folder = snapshot_download(
            self.id,
            revision=self.revision,
            allow_patterns=list(FILES),
            local_files_only=local_files_only,
        )
        return Found(folder=Path(folder), size=_size(Path(folder)))


def _size(folder: Path) -> int:
    """Bytes of a snapshot's files. Other programs may have fetched more of them than these."""
    paths = {path for pattern in FILES for path in folder.rglob(pattern) if path.is_file()}
    return sum(path.stat().st_size for path in paths)
