"""Where DVC keeps its cache, as its configs say. Without importing DVC."""

from __future__ import annotations

import os
from pathlib import Path

import platformdirs
from configobj import ConfigObj, ConfigObjError


def cache_folder(root: Path) -> Path:
    """DVC's cache: `.dvc/cache` unless a config of DVC says otherwise.

    Of the system, the user, the repository and the clone, in this order, the last counts. A
    relative path starts at the config that has it.
    """
    folder = root / ".dvc" / "cache"
    for config in _configs(root):
        try:
            section = ConfigObj(str(config), encoding="utf-8", interpolation=False).get("cache", {})
        except (ConfigObjError, OSError, ValueError):
            continue
        if "dir" in section:
            folder = (config.parent / Path(section["dir"]).expanduser()).resolve()
    return folder


def _configs(root: Path) -> tuple[Path, ...]:
    """Where DVC looks, as its `dirs` and `config` modules do."""
    usual = platformdirs.PlatformDirs("dvc", "iterative")
    system = os.environ.get("DVC_SYSTEM_CONFIG_DIR") or usual.site_config_dir
    user = os.environ.get("DVC_GLOBAL_CONFIG_DIR") or usual.user_config_dir
    own = root / ".dvc"
    return (Path(system) / "config", Path(user) / "config", own / "config", own / "config.local")
