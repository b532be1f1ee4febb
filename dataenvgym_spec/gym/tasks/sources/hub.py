"""A data set of the Hugging Face hub, pinned to a commit, through the `datasets` library."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from dataenvgym_spec.core.errors import StageError
from dataenvgym_spec.gym.tasks.sources.rows import Listed
from dataenvgym_spec.records.items import WORDS, Form
from dataenvgym_spec.records.rows import Columns
from dataenvgym_spec.records.tables import RowFault


class HubDataset(Listed):
    """A finite source of items."""

    def __init__(
        self,
        *,
        id: str,
        revision: str,
        configs: str | list[str],
        split: str,
        fields: dict[str, str],
        form: Form = WORDS,
    ) -> None:
        rows = enumerate(self._rows(id, revision, configs, split), 1)
        try:
            self.items, self.skipped = Columns(fields=fields, form=form).items(rows)
        except RowFault as fault:
            message = fault.text(f"the data set '{id}'", row="row")
            raise StageError(message, help=fault.help) from fault

    def _rows(
        self, name: str, revision: str, configs: str | list[str], split: str
    ) -> Iterator[dict[str, Any]]:
        """The rows of configurations of a data set: of one, of several, or `all` that it has."""
        import datasets

        # The library reads a folder of that name in place of the hub, whatever the commit.
        if Path(name).is_dir():
            raise StageError(
                f"the data set '{name}' is a folder here, and would be read in place of the hub's",
                help="rename the folder, or name its file with a source of kind jsonl",
            )
        try:
            names = [configs] if isinstance(configs, str) else configs
            if configs == "all":
                names = datasets.get_dataset_config_names(name, revision=revision)
            for config in names:
                yield from datasets.load_dataset(name, config, revision=revision, split=split)
        except (OSError, ValueError, RuntimeError) as error:
            raise StageError(
                f"the data set '{name}' cannot be loaded: {error}",
                help="check its id, revision and the network; HF_HOME names the cache",
            ) from error
