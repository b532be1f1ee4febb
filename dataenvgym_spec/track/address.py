"""Where tracking goes, and how that is said without a password. Nothing of MLflow here."""

from __future__ import annotations

import os
from typing import Final
from urllib.parse import unquote, urlsplit

from dataenvgym_spec.store.layout import Layout

DATABASES: Final = frozenset({"sqlite", "postgresql", "mysql", "mssql"})
DEFAULTS: Final = {
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "1",
    "MLFLOW_HTTP_REQUEST_TIMEOUT": "20",
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT": "true",
    "PGCONNECT_TIMEOUT": "10",
}
"""Settings of MLflow and of PostgreSQL's client unless the user set them.

Their own keep a caller of a dead server waiting for four minutes, and of a mute database for ever.
"""


def uri_of(layout: Layout) -> str:
    """Where tracking goes: `MLFLOW_TRACKING_URI`, or a database in the repository."""
    return os.environ.get("MLFLOW_TRACKING_URI") or f"sqlite:///{layout.database}"


def is_database(uri: str) -> bool:
    """Whether an address is a database, which a client writes to itself, and no server.

    >>> is_database("postgresql+psycopg2://host/name"), is_database("http://host:5000")
    (True, False)
    """
    return urlsplit(uri).scheme.partition("+")[0] in DATABASES


def shown(uri: str) -> str:
    """An address without the password in it.

    >>> shown("https://ann:secret@host:5000")
    'https://host:5000'
    """
    return hide(uri, uri)


def hide(text: str, uri: str) -> str:
    """A text without the user and the password of an address in it."""
    parts = urlsplit(uri)
    place = parts.netloc
    if "@" not in place:
        return text
    text = text.replace(place, place.rpartition("@")[2])
    for secret in {parts.password or "", unquote(parts.password or "")} - {""}:
        text = text.replace(secret, "***")
    return text
