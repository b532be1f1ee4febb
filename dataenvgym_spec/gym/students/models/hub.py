"""A model of the Hugging Face hub, pinned to a commit."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

from dataenvgym_spec.core.errors import StageError
from dataenvgym_spec.gym.students.models.protocol import ModelTools

FILES: Final = ("*.json", "*.safetensors", "*.model", "*.jinja", "*.txt")
"""What is downloaded: configuration, weights, tokenizer, chat template."""


class HubModel:
    """A student on the hub."""

    def __init__(self, *, id: str, revision: str) -> None:
        self.id, self.revision = id, revision

    def prepare(self, out: Path, tools: ModelTools) -> dict[str, Any]:
        """Downloads the model's files to a folder.

        Raises:
            StageError: it cannot be downloaded.
        """
        from huggingface_hub import snapshot_download
        from huggingface_hub.errors import HfHubHTTPError, LocalEntryNotFoundError

        try:
            with tools.phase("fetch"):
                snapshot_download(
                    self.id, revision=self.revision, local_dir=out, allow_patterns=list(FILES)
                )
        except (HfHubHTTPError, LocalEntryNotFoundError, OSError) as error:
            raise StageError(
                f"the model '{self.id}' cannot be downloaded: {error}",
                help="check its id and revision, the network, and HF_TOKEN for a gated model",
            ) from error
        return {}
