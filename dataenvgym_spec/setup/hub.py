"""Asks the Hugging Face hub for the commit of a branch or tag.

The only place that asks, and only for `lock`.
"""

from __future__ import annotations

from typing import Final

from dataenvgym_spec.core.errors import MissingExtra, UserError
from dataenvgym_spec.resolve.lockfile import Reference

PATIENCE: Final = 30.0
"""Seconds to wait for an answer."""


def commit(reference: Reference) -> str:
    """The commit that a revision points to now, as 40 hex digits.

    Raises:
        MissingExtra: the hub's client is not installed.
        UserError: there is no such repository or revision, it is hidden from this user, or the hub
            cannot be reached.
    """
    try:
        from huggingface_hub import HfApi
        from huggingface_hub.errors import (
            GatedRepoError,
            HFValidationError,
            HTTPError,
            OfflineModeIsEnabled,
            RepositoryNotFoundError,
            RevisionNotFoundError,
        )
    except ImportError as error:
        raise MissingExtra("huggingface_hub", "train", "pinning a revision of the hub") from error
    api = HfApi()
    ask = api.model_info if reference.type == "model" else api.dataset_info
    try:
        answer = ask(reference.id, revision=reference.revision, timeout=PATIENCE, expand=["sha"])
    # A gated repository is a kind of repository that is not found: the order matters.
    except OfflineModeIsEnabled as error:
        message = "HF_HUB_OFFLINE is set, so that the hub is not asked"
        help = "unset HF_HUB_OFFLINE, or write the commit into the spec"
        raise UserError(message, help=help) from error
    except GatedRepoError as error:
        message = f"the {reference.type} '{reference.id}' is gated"
        help = f"ask for access on {api.endpoint}/{reference.id}, and set HF_TOKEN"
        raise UserError(message, help=help) from error
    except RepositoryNotFoundError as error:
        message = f"the hub has no {reference.type} '{reference.id}' that you may see"
        help = "check its id, and HF_TOKEN if it is private"
        raise UserError(message, help=help) from error
    except RevisionNotFoundError as error:
        message = f"'{reference.id}' has no branch, tag or commit '{reference.revision}'"
        raise UserError(message, help="name one that it has, such as main") from error
    except HFValidationError as error:
        message = f"'{reference.id}' is no id of the hub"
        raise UserError(message, help=str(error).splitlines()[0]) from error
    except (HTTPError, OSError) as error:
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        message = f"the hub at {api.endpoint} cannot be asked: {reason}"
        help = "check the network and HF_ENDPOINT, and run it again"
        raise UserError(message, help=help) from error
    sha = str(answer.sha)
    pinned = Reference(type=reference.type, id=reference.id, revision=sha)
    if not pinned.is_commit:
        message = f"the hub at {api.endpoint} answers '{sha[:60]}' for a commit"
        raise UserError(message, help="check HF_ENDPOINT")
    return pinned.revision
