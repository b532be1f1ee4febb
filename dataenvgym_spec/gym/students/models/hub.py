"""A model of the Hugging Face hub, pinned to a commit."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from dataenvgym_spec.core.errors import StageError
from dataenvgym_spec.gym.students.models.protocol import Found
from dataenvgym_spec.records.files import read_json

FILES: Final = ("*.json", "*.safetensors", "*.model", "*.jinja", "*.txt")
"""What is downloaded: configuration, weights, tokenizer, chat template."""
WEIGHTS: Final = "model.safetensors"
WEIGHTS_INDEX: Final = f"{WEIGHTS}.index.json"
"""What says which files weights are in that are in several, as transformers saves them."""


class HubModel:
    """A student on the hub. Its files lie in the hub's cache of this machine."""

    def __init__(self, *, id: str, revision: str) -> None:
        self.id, self.revision = id, revision

    def find(self, size: int | None = None) -> Found:
        """Downloads what of the model's files is not here.

        Raises:
            StageError: it cannot be downloaded, or is not whole.
        """
        from huggingface_hub.errors import HfHubHTTPError, LocalEntryNotFoundError

        try:
            here = self._snapshot(local_files_only=True)
        except (LocalEntryNotFoundError, OSError):
            here = None
        if here is not None and here.size == size:
            return here
        try:
            found = self._snapshot(local_files_only=False)
        except (HfHubHTTPError, LocalEntryNotFoundError, OSError) as error:
            raise StageError(
                f"the model '{self.id}' cannot be downloaded: {error}",
                help="check its id and revision, the network, and HF_TOKEN for a gated model",
            ) from error
        missing = _missing_weights(found.folder)
        if missing is None:
            return found
        # Without a network the library gives what other programs fetched, be it a tokenizer alone.
        raise StageError(
            f"the model '{self.id}' is not whole: '{missing}' is missing in '{found.folder}'",
            help="run again with the network, or take a model with weights in safetensors",
        )

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


def _missing_weights(folder: Path) -> str | None:
    """The first file of weights that a snapshot lacks; None if it has them all."""
    index = folder / WEIGHTS_INDEX
    names = [WEIGHTS]
    if index.is_file():
        names = sorted({*read_json(index)["weight_map"].values()})
    return next((name for name in names if not (folder / name).is_file()), None)
