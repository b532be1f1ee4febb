"""Packs a stage of this clone: the small files that another machine needs to run it."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any, Final

import msgspec

from dataenvgym_spec.core.contents import Contents
from dataenvgym_spec.core.dvc_config import cache_folder
from dataenvgym_spec.core.errors import StageError, UserError
from dataenvgym_spec.core.ignored import FILE as IGNORED
from dataenvgym_spec.core.making import making
from dataenvgym_spec.core.roots import VARIABLE as ROOTS
from dataenvgym_spec.core.roots import Outside
from dataenvgym_spec.core.secrets import NAMES
from dataenvgym_spec.core.text import size_text
from dataenvgym_spec.core.variables import HARDWARE, JOURNAL, NODES, VLLM_CACHE
from dataenvgym_spec.schedule.parcels import between
from dataenvgym_spec.schedule.parcels.parcel import Home, Parcel, here
from dataenvgym_spec.schedule.parcels.published import tail
from dataenvgym_spec.schedule.protocol import Shard
from dataenvgym_spec.store.dvc.apart import CONFIG, configs
from dataenvgym_spec.store.layout import ANSWERS, Layout, kind_of
from dataenvgym_spec.store.mark import mark_of

CACHE: Final = "../../cache"
"""Of a node that has a disk of its own, its cache, from the config of a repository there."""
MOST: Final = 1 << 30
"""Bytes of the user's files that go along with one parcel."""
PLAIN: Final = (
    *("DVC_NO_ANALYTICS", "HF_HUB_OFFLINE", "MKL_NUM_THREADS", "OMP_NUM_THREADS"),
    VLLM_CACHE,
)
"""Variables that go along unless a machine has its own, besides those of this package.

None opens an account: those a machine has by itself.
"""
_OURS: Final = "DATAENVGYM_"
_HERE: Final = (
    "CPUS",
    "EXECUTOR",
    "JUDGES",
    "LASTING",
    "LIMITS",
    "RUN",
    "SERVED",
    "TRACK",
    "WORKER",
)
_KEPT: Final = frozenset({HARDWARE, JOURNAL, NODES, ROOTS, *(f"{_OURS}{name}" for name in _HERE)})
"""Those of this package that are about this machine, or that only the driver obeys."""


class _Stage(msgspec.Struct, frozen=True):
    """The part of a `stage.json` that says what it needs."""

    key: str
    inputs: list[tuple[str, str, str]]
    reads: dict[str, str]
    files: dict[str, str]


def nodes_folder(layout: Layout) -> Path:
    """Where machines work that see this clone."""
    return layout.nodes


def home_of(layout: Layout, *, shared: bool) -> Home:
    """This clone as parcels name it.

    Args:
        layout: the repository.
        shared: whether nodes see its files.
    """
    token = mark_of(layout.home, layout.root)
    return Home(root=str(layout.root), token=token, shared=shared)


class Packer:
    """Packs stages of one clone.

    Args of the constructor:
        layout: the repository.
        home: the same, as parcels name it.
        variables: of the environment, that its stages get besides.
        environ: the environment, of which some goes along.
    """

    def __init__(
        self,
        layout: Layout,
        home: Home,
        *,
        variables: Mapping[str, str] | None = None,
        environ: Mapping[str, str] = os.environ,
    ) -> None:
        self.layout, self.home, self._environ = layout, home, environ
        self._contents = Contents(layout.root)
        self._stage = cache(self._read)
        self._defaults = {name: value for name, value in environ.items() if _passes(name)}
        self._variables = dict(variables or {})

    def pack(
        self, directory: str, experiment: str | None = None, shard: Shard | None = None
    ) -> Parcel:
        """The parcel of a stage, whose inputs have to be done, or of a shard of it.

        What its shards have made goes along with a stage.

        Args:
            directory: the stage's.
            experiment: the one that it is run for.
            shard: the part that is to be done; None for all of it.

        Raises:
            StageError: one of its files is damaged or missing, or an input is not done.
            UserError: what it needs cannot be sent.
        """
        stage = self._stage(directory)
        files: dict[str, bytes] = {}
        for other in (directory, *sorted(set(stage.reads.values()))):
            files |= self._texts(other, done=other != directory)
        named = dict(stage.files)
        for student in self._students(directory):
            files |= self._text(f"store/{student}/stage.json")
            named |= self._stage(student).files
        for name in (IGNORED, "prices.yaml"):
            files |= self._text(name, needed=False)
        if experiment is not None:
            files |= self._of_experiment(experiment, stage.key)
        links, sent, executable = self._users(named.values())
        links, sent = self._with_shards(directory, shard, links, sent)
        sent |= between.said(self.layout, self.home, self._environ)
        settings = configs(self.layout.root, cache=self._cache)
        return Parcel(
            stage=directory,
            home=self.home,
            files={**files, **sent, CONFIG: settings.pop(CONFIG)},
            private=settings,
            executable=executable,
            links=links,
            reads=tuple(sorted(_ports(stage))),
            versions=here(),
            experiment=experiment,
            variables=self._variables,
            defaults=self._defaults,
            shard=shard,
            since=0 if shard is not None else tail(self.layout, directory, self._environ),
        )

    def _with_shards(
        self,
        directory: str,
        shard: Shard | None,
        links: dict[str, str],
        sent: dict[str, bytes],
    ) -> tuple[dict[str, str], dict[str, bytes]]:
        """Adds what shards have made of a stage, or what a shard has made already."""
        wanted = "*" if shard is None else shard.name
        for path in sorted(self.layout.shards(directory).glob(f"{wanted}{ANSWERS}")):
            name = path.relative_to(self.layout.root).as_posix()
            if self.home.shared:
                links = {**links, name: str(path)}
            else:
                sent = {**sent, name: path.read_bytes()}
        return links, sent

    @property
    def _cache(self) -> str:
        return str(cache_folder(self.layout.root)) if self.home.shared else CACHE

    def _read(self, directory: str) -> _Stage:
        path = self.layout.stage(directory) / "stage.json"
        try:
            return msgspec.json.decode(path.read_bytes(), type=_Stage)
        except (OSError, msgspec.DecodeError) as error:
            message = f"'{path.relative_to(self.layout.root)}' is missing or damaged"
            raise StageError(message, help="run: dataenvgym compile") from error

    def _texts(self, directory: str, *, done: bool) -> dict[str, bytes]:
        """What DVC has to know of a stage; of one that is done also its results."""
        names = ("stage.json", "dvc.yaml", "dvc.lock") if done else ("stage.json", "dvc.yaml")
        files: dict[str, bytes] = {}
        for name in names:
            files |= self._text(f"store/{directory}/{name}")
        return files

    def _text(self, name: str, *, needed: bool = True) -> dict[str, bytes]:
        try:
            return {name: (self.layout.root / name).read_bytes()}
        except FileNotFoundError as error:
            if not needed:
                return {}
            again = making(self.layout.root, "NAME")
            help = f"dataenvgym compile   (or, of a 'dvc.lock': {again})"
            raise StageError(f"'{name}' is missing", help=f"run: {help}") from error

    def _students(self, directory: str) -> Iterator[str]:
        """The base students that a stage may be handed, be it through others."""
        seen, ahead = {directory}, [directory]
        while ahead:
            for read in self._stage(ahead.pop()).reads.values():
                if read in seen:
                    continue
                seen.add(read)
                ahead.append(read)
                if kind_of(read) == "student":
                    yield read

    def _of_experiment(self, name: str, key: str) -> dict[str, bytes]:
        """What a stage looks up of its experiment: where it stands, and circumstances."""
        circumstances = self.layout.circumstances / f"{name}.json"
        shown = circumstances.relative_to(self.layout.root).as_posix()
        files = self._text(shown, needed=False)
        index = self.layout.index(name).relative_to(self.layout.root).as_posix()
        for path, text in self._text(index, needed=False).items():
            content: dict[str, Any] = msgspec.json.decode(text)
            content["stages"] = [row for row in content.get("stages", ()) if row["key"] == key]
            files[path] = msgspec.json.encode(content)
        return files

    def _users(
        self, names: Iterable[str]
    ) -> tuple[dict[str, str], dict[str, bytes], tuple[str, ...]]:
        """The user's files and folders of these names: links, or contents and what is executable.

        What lies in a folder outside of the repository every machine has by itself.
        """
        links: dict[str, str] = {}
        sent: dict[str, bytes] = {}
        executable = []
        total = 0
        for name, path in self._files(names):
            if self.home.shared:
                links[name] = str(path)
                continue
            total += path.stat().st_size
            if total > MOST:
                raise _too_large(name, total)
            sent[name] = path.read_bytes()
            if os.access(path, os.X_OK):
                executable.append(name)
        return links, sent, tuple(executable)

    def _files(self, names: Iterable[str]) -> Iterator[tuple[str, Path]]:
        for name in sorted(set(names)):
            if Outside.parse(name) is not None:
                continue
            path = self._contents.place(name)
            if not path.is_dir():
                yield name, path
                continue
            for inner, file in self._contents.files(path).items():
                yield f"{name}/{inner}", file


def _ports(stage: _Stage) -> set[str]:
    return {f"store/{stage.reads[key]}/out/{port}" for _, key, port in stage.inputs}


def _passes(name: str) -> bool:
    """Whether a variable of the environment goes along."""
    if name in PLAIN:
        return True
    opens = NAMES.search(name) is not None or name.endswith("_URL")
    return name.startswith(_OURS) and name not in _KEPT and not opens


def _too_large(name: str, total: int) -> UserError:
    message = f"'{name}' and what else a stage names is {size_text(total)}, too much to be sent"
    help = "put it into a folder that all machines have, and name it so: see docs/clusters.md"
    return UserError(message, help=help)
