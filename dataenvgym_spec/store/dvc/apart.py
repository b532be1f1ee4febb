"""A repository of DVC for one stage of another: it has no git, and its config points elsewhere.

DVC resolves a relative path of a config from the folder of that config, so those of local remotes
are written out here.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from io import BytesIO
from pathlib import Path
from typing import Final

from configobj import ConfigObj, ConfigObjError

from dataenvgym_spec.core.dvc_config import cache_folder
from dataenvgym_spec.core.errors import UserError
from dataenvgym_spec.store.dvc.state import lock_in, run_key
from dataenvgym_spec.store.layout import Layout
from dataenvgym_spec.store.owned import owned_folder

CONFIG: Final = ".dvc/config"
LOCAL: Final = ".dvc/config.local"
"""Where DVC keeps credentials."""
LINKS: Final = "reflink,hardlink,copy"
"""How results come from the cache to their place, unless the user's config says it."""
_REMOTE: Final = 'remote "'


def configs(root: Path, *, cache: str, links: str | None = LINKS) -> dict[str, bytes]:
    """The configs of DVC for a repository that stands for one stage of another, by their paths.

    Args:
        root: the repository that the stage is of.
        cache: where its results are cached: an absolute path, or one from the folder of the config.
        links: how results come to their place where the user has not said it; None for DVC's way.

    Raises:
        UserError: a config of DVC cannot be read.
    """
    shared = _read(root, CONFIG)
    core = shared.setdefault("core", {})
    core["no_scm"] = "true"
    core["analytics"] = "false"
    own = shared.setdefault("cache", {})
    own["dir"] = cache
    if links is not None:
        own.setdefault("type", links)
    texts = {CONFIG: _text(shared)}
    if (root / LOCAL).is_file():
        private = _read(root, LOCAL)
        private.get("cache", {}).pop("dir", None)
        texts[LOCAL] = _text(private)
    return texts


@contextmanager
def apart(layout: Layout, *, links: str | None) -> Iterator[Path]:
    """A repository of DVC beside a clone, with its cache and its remotes, credentials included.

    It is gone afterwards, or once another one is made: see `store.owned`.

    Args:
        layout: the clone.
        links: how results come from the cache to their place; None for DVC's way.

    Raises:
        UserError: a config of DVC cannot be read.
    """
    settings = configs(layout.root, cache=str(cache_folder(layout.root)), links=links)
    with owned_folder(layout.apart) as folder:
        (folder / ".dvc" / "tmp").mkdir(parents=True)
        for name, content in settings.items():
            place = folder / name
            place.touch(mode=0o600)
            place.write_bytes(content)
        yield folder


def runs_of(root: Path, lock: str, stage: str) -> dict[str, str]:
    """What the run cache of a repository holds of a stage that it has done, by path in the cache.

    Args:
        root: the repository.
        lock: the text of the stage's `dvc.lock`.
        stage: its name there.
    """
    done = lock_in(lock, stage, root / "dvc.lock")
    if done is None:
        return {}
    key = run_key(done.cmd, done.deps, list(done.outs))
    cache = cache_folder(root)
    found = {}
    for path in (cache / "runs" / key[:2] / key).glob("*"):
        text = path.read_text(encoding="utf-8")
        if all(digest in text for digest in done.outs.values()):
            found[path.relative_to(cache).as_posix()] = text
    return found


def _read(root: Path, name: str) -> ConfigObj:
    path = root / name
    try:
        content = ConfigObj(str(path), encoding="utf-8", interpolation=False)
    except (ConfigObjError, OSError, ValueError) as error:
        message = f"'{path}' cannot be read: {error}"
        raise UserError(message, help="correct it with: dvc config") from error
    for remote in _remotes(content):
        address = remote.get("url", "")
        if address and "://" not in address:
            remote["url"] = str((path.parent / Path(address).expanduser()).resolve())
    return content


def _remotes(content: ConfigObj) -> Iterator[dict[str, str]]:
    for name, section in content.items():
        if name.strip("'").startswith(_REMOTE):
            yield section


def _text(content: ConfigObj) -> bytes:
    out = BytesIO()
    content.write(out)
    return out.getvalue()
