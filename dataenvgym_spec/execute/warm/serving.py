"""Has a command that runs stages in its own process train in a warm worker."""

from __future__ import annotations

import os

from dataenvgym_spec.core.variables import SERVED
from dataenvgym_spec.execute.warm import client
from dataenvgym_spec.store.layout import Layout


def trainer(layout: Layout) -> dict[str, str]:
    """Where a worker listens that has imported what a trainer needs, as trainers are told it.

    It ends with the process that the environment names in `SERVED`. Nothing where there is
    no worker: trainers then start without one.
    """
    served = int(os.environ[SERVED])
    path = client.socket_path(served, "heavy") if client.possible() else None
    if path is None:
        return {}
    connection = client.connect(path) or client.start(layout, path, served, "heavy")
    if connection is None:
        return {}
    connection.close()
    return {client.WORKER: str(path)}
