"""Where DVC keeps what it keeps, as its configs say. Without importing DVC."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final

import platformdirs
from configobj import ConfigObj, ConfigObjError

_REMOTE: Final = 'remote "'


def cache_folder(root: Path) -> Path:
    """DVC's cache: `.dvc/cache` unless a config of DVC says otherwise.

    A relative path starts at the config that has it.
    """
    found = _setting(root, "cache", "dir")
    if found is None:
        return root / ".dvc" / "cache"
    folder, config = found
    return (config.parent / Path(folder).expanduser()).resolve()


def site_folder(root: Path) -> Path | None:
    """Where DVC keeps what it remembers of all repositories, if a config of DVC says it."""
    found = _setting(root, "core", "site_cache_dir")
    return None if found is None else Path(found[0])


def locks_by_links(root: Path) -> bool:
    """Whether DVC's own lock is one that other hosts see (`core.hardlink_lock`)."""
    found = _setting(root, "core", "hardlink_lock")
    return found is not None and found[0].lower() == "true"


def remotes(root: Path) -> tuple[str, ...]:
    """The remotes that a config of DVC names, the default one first."""
    found: dict[str, None] = {}
    default = _setting(root, "core", "remote")
    if default is not None:
        found[default[0]] = None
    for config in _configs(root):
        for section in _content(config):
            if section.startswith(_REMOTE):
                found[section.removeprefix(_REMOTE).rstrip('"')] = None
    return tuple(found)


def remote_folder(root: Path) -> Path | None:
    """The folder that the default remote is; None if there is none, or it is elsewhere.

    A relative path starts at the config that has it.
    """
    known = remotes(root)
    found = _setting(root, f'{_REMOTE}{known[0]}"', "url") if known else None
    if found is None:
        return None
    address, config = found
    path = address.removeprefix("file://")
    return None if "://" in path else (config.parent / Path(path).expanduser()).resolve()


def _setting(root: Path, section: str, key: str) -> tuple[str, Path] | None:
    """The value of a key in the config that counts, and that config.

    Of the system, the user, the repository and the clone, in this order, it is the last that has
    the key.
    """
    for config in reversed(_configs(root)):
        values = _content(config).get(section, {})
        if key in values:
            return values[key], config
    return None


def _content(config: Path) -> ConfigObj:
    """The sections of a config; none if it cannot be read."""
    try:
        return ConfigObj(str(config), encoding="utf-8", interpolation=False)
    except (ConfigObjError, OSError, ValueError):
        return ConfigObj()


def _configs(root: Path) -> tuple[Path, ...]:
    """Where DVC looks, as its `dirs` and `config` modules do."""
    usual = platformdirs.PlatformDirs("dvc", "iterative")
    system = os.environ.get("DVC_SYSTEM_CONFIG_DIR") or usual.site_config_dir
    user = os.environ.get("DVC_GLOBAL_CONFIG_DIR") or usual.user_config_dir
    own = root / ".dvc"
    return (Path(system) / "config", Path(user) / "config", own / "config", own / "config.local")
