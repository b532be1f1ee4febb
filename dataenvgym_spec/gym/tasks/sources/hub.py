"""A data set of the Hugging Face hub, pinned to a commit, through the `datasets` library."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any

from dataenvgym_spec.core.errors import StageError
from dataenvgym_spec.gym.tasks.sources.table import BadRows, Table
from dataenvgym_spec.records.formats import Bad, Rows
from dataenvgym_spec.records.items import WORDS, Form
from dataenvgym_spec.records.reading import Reading


class HubDataset(Table):
    """A finite source of items, or of rows that another source joins."""

    unit = "row"

    def __init__(
        self,
        *,
        id: str,
        revision: str,
        configs: str | list[str],
        split: str,
        fields: Mapping[str, Any] | None = None,
        layout: str | None = None,
        bad_rows: BadRows = "refuse",
        join: Mapping[str, Any] | None = None,
        without: Mapping[str, Any] | None = None,
        form: Form = WORDS,
    ) -> None:
        self.place = f"the data set '{id}'"
        self.listed = partial(self._rows, id, revision, configs, split)
        skips = bad_rows == "skip"
        self.reading = Reading(layout=layout, skips=skips)
        self.read(
            fields=fields or {}, form=form, layout=layout, skips=skips, join=join, without=without
        )

    def own_rows(self, bad: Bad) -> Rows:
        """See `Table`."""
        return self.reading.laid(enumerate(self.listed(), 1), bad)

    def _rows(
        self, name: str, revision: str, configs: str | list[str], split: str
    ) -> Iterator[dict[str, Any]]:
        """The rows of configurations of a data set: of one, of several, or `all` that it has."""
        import datasets

        # The library reads a folder of that name in place of the hub, whatever the commit.
        if Path(name).is_dir():
            raise StageError(
                f"the data set '{name}' is a folder here, and would be read in place of the hub's",
                help="rename the folder, or name its file with a source of kind files",
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
