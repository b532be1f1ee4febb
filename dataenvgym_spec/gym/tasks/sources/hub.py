"""A data set of the Hugging Face hub, pinned to a commit, through the `datasets` library."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from dataenvgym_spec.core.errors import StageError
from dataenvgym_spec.gym.tasks.sources.rows import Columns
from dataenvgym_spec.records.items import Item


class Hub:
    """A finite source of items."""

    procedural = False

    def __init__(
        self,
        *,
        id: str,
        revision: str,
        configs: str | list[str],
        split: str,
        fields: dict[str, str],
    ) -> None:
        self.items = Columns(fields=fields).items(self._rows(id, revision, configs, split))

    def _rows(
        self, name: str, revision: str, configs: str | list[str], split: str
    ) -> Iterator[dict[str, Any]]:
        import datasets

        try:
            names = (
                datasets.get_dataset_config_names(name, revision=revision)
                if isinstance(configs, str)
                else configs
            )
            for config in names:
                yield from datasets.load_dataset(name, config, revision=revision, split=split)
        except (OSError, ValueError, RuntimeError) as error:
            raise StageError(
                f"the data set '{name}' cannot be loaded: {error}",
                help="check its id, revision and the network; HF_HOME names the cache",
            ) from error

    def groups(self) -> list[str]:
        """The values of the group column."""
        return sorted({item.group for item in self.items})

    def stream(self, group: str, seed: int) -> Iterator[Item]:
        """The items of one group, each once."""
        return (item for item in self.items if item.group == group)
