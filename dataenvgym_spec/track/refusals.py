"""Why tracking failed, and what to do about it, in words and without a secret."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Final

from dataenvgym_spec.core.errors import UserError
from dataenvgym_spec.track.address import hide, shown

MAKE_UP: Final = (
    "results are safe, and tracking can be made up for: dataenvgym track   "
    "(without MLFLOW_TRACKING_URI: into a database in the repository)"
)
LOG_IN: Final = (
    "set MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD (or MLFLOW_TRACKING_TOKEN) to those "
    "of the server, or write them to ~/.mlflow/credentials; then: dataenvgym track"
)
ASK_FOR_RIGHTS: Final = (
    "ask whoever made the experiment, or an administrator of the server, for the permission MANAGE "
    "or EDIT of it; then: dataenvgym track"
)
MAKE_ROOM: Final = "results are safe: make room on the server, then run: dataenvgym track"
GET_DRIVER: Final = (
    "for PostgreSQL: pip install 'dataenvgym-spec[servers]', and write the address as "
    "postgresql+psycopg2://..."
)
SECRETS: Final = ("MLFLOW_TRACKING_PASSWORD", "MLFLOW_TRACKING_TOKEN", "PGPASSWORD")
"""Variables whose values nobody may see."""

LONGEST: Final = 300
UNAUTHENTICATED, FORBIDDEN = 401, 403
MEANWHILE: Final = ("must be in the 'active' state", "already exists", "No Experiment with id")
"""What MLflow says of what somebody else has put into the bin, made, or taken out of the bin."""
FULL: Final = ("507", "No space left", "no space left", "database or disk is full", "DiskFull")
"""What an error says where there is no room."""

TWICE: Final = ("UNIQUE constraint", "UniqueViolation", "duplicate key", "Duplicate entry")
"""What databases say of a row that somebody else has just written."""
AT_ONCE: Final = 3
"""How often that is taken for a coincidence."""


class TrackingUnavailable(UserError):
    """The tracking server cannot be reached or refuses.

    A warning to whoever can go on without it.
    """


class Overtaken(TrackingUnavailable):
    """Results or runs are no more what they were a moment ago: it is worth looking again."""


class Forbidden(TrackingUnavailable):
    """This user may not do it: who may change runs may not always delete them."""


def refusal(error: Exception, status: int | None, uri: str) -> TrackingUnavailable:
    """A failure as one error with a remedy; the arguments are those of `explained`."""
    reason, help = explained(error, status, uri)
    kind = Forbidden if status == FORBIDDEN else TrackingUnavailable
    gone = isinstance(error, FileNotFoundError)
    if gone or any(sign in str(error) for sign in MEANWHILE):
        kind = Overtaken
    return kind(f"tracking at {shown(uri)} failed: {reason}", help=help)


def despite_others(log: Callable[[], None], refusal: type[Exception]) -> None:
    """Logs inputs or outputs, also while another process logs the same ones.

    What two write at once MLflow's server refuses the second of them, who finds it there when it
    looks again.

    Args:
        log: what is to be done, which looks what is there; a second time it does nothing.
        refusal: what is raised where the server refuses.
    """
    for _ in range(AT_ONCE):
        try:
            return log()
        except refusal as error:
            if not any(sign in str(error) for sign in TWICE):
                raise
    return log()


def explained(error: Exception, status: int | None, uri: str) -> tuple[str, str]:
    """The reason of a failure and what to do.

    Args:
        error: what was raised.
        status: the server's, as HTTP has it, where it answered.
        uri: where tracking goes.
    """
    # The statement that failed tells a user nothing.
    said = " ".join(str(error).split()).partition(" [SQL:")[0]
    text = hide(said, uri)
    for name in SECRETS:
        secret = os.environ.get(name)
        if secret:
            text = text.replace(secret, "***")
    if isinstance(error, ModuleNotFoundError):
        return f"no driver for this database is installed ({text})", GET_DRIVER
    if status == UNAUTHENTICATED or "password authentication failed" in text:
        return "the server knows no such user, or the password is another", LOG_IN
    if status == FORBIDDEN or "permission denied" in text:
        user = os.environ.get("MLFLOW_TRACKING_USERNAME")
        who = f"the user '{user}'" if user else "this user"
        return f"{who} may not write there", ASK_FOR_RIGHTS
    if "Max retries exceeded" in text:
        return "nobody answers there", MAKE_UP
    if isinstance(error, FileNotFoundError):
        return f"a result was made anew while it was read ({text[:LONGEST]})", MAKE_UP
    if any(sign in text for sign in FULL):
        return f"the server has no room ({text[:LONGEST]})", MAKE_ROOM
    return text[:LONGEST], MAKE_UP
