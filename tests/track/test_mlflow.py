"""The database that a clone makes for itself."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from dataenvgym_spec.core.errors import UserError
from dataenvgym_spec.store.layout import Layout
from dataenvgym_spec.track.mlflow import connect


def test_a_database_is_there_whole_or_not_at_all(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever makes it can be killed between its tables, and MLflow makes no others then."""
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    made: list[str] = []

    def one_table(engine: Any) -> None:
        from sqlalchemy import text

        made.append(str(engine.url))
        with engine.begin() as connection:
            connection.execute(text("CREATE TABLE secrets (id INTEGER)"))
        raise OSError("killed")

    monkeypatch.setattr("mlflow.store.db.utils._initialize_tables", one_table)
    layout = Layout(root=tmp_path)
    with pytest.raises(UserError):
        connect(layout)
    assert made
    assert not layout.database.exists()
