"""A model of the Hugging Face hub, pinned to a commit."""

from __future__ import annotations

from pathlib import Path

from dataenvgym_spec.core.errors import StageError


class Hub:
    """A student on the hub."""

    def __init__(self, *, id: str, revision: str) -> None:
        self.id, self.revision = id, revision

    def fetch(self, out: Path) -> None:
        """Downloads the model's files to where the stage writes.

        Raises:
            StageError: it cannot be downloaded.
        """
        from huggingface_hub import snapshot_download
        from huggingface_hub.errors import HfHubHTTPError, LocalEntryNotFoundError

        patterns = ["*.json", "*.safetensors", "*.model", "*.jinja", "*.txt"]
        try:
            snapshot_download(
                self.id, revision=self.revision, local_dir=out, allow_patterns=patterns
            )
        except (HfHubHTTPError, LocalEntryNotFoundError, OSError) as error:
            raise StageError(
                f"the model '{self.id}' cannot be downloaded: {error}",
                help="check its id and revision, the network, and HF_TOKEN for a gated model",
            ) from error
