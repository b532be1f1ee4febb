"""The model that is trained: loaded in the precision that a job asks for, and saved.

Weights that are trained are float32: in bfloat16, most steps of a usual learning rate are smaller
than half the distance to the next number, and change nothing. Where a spec asks for less, the
arithmetic is in that precision (autocast), and so are the frozen weights below an adapter.
"""

from __future__ import annotations

import os
from tempfile import TemporaryDirectory
from typing import Any, Final

import torch

from dataenvgym_spec.core.errors import StageError
from dataenvgym_spec.gym.students.adapters.protocol import ReadsBase
from dataenvgym_spec.gym.students.adapters.stored import trained_on
from dataenvgym_spec.gym.students.pretrained import read_model, special_tokens
from dataenvgym_spec.gym.students.threads import settle
from dataenvgym_spec.gym.students.trainers.protocol import Job

MASTER: Final = torch.float32


def load(job: Job) -> Any:
    """The model, with its adapter if there is one.

    Raises:
        StageError: this machine cannot train in the precision that is asked for.
    """
    asked = getattr(torch, job.settings.dtype)
    if asked == torch.float16 and not torch.cuda.is_available():
        message = "float16 is trained on a GPU only, and there is none here"
        raise StageError(message, help="set student.train.dtype to bfloat16 or float32")
    frozen = MASTER if job.adapter is None else asked
    if isinstance(job.adapter, ReadsBase):
        model = job.adapter.read(job.base, asked)
    else:
        model = read_model(job.base, dtype=frozen)
    # A spec says how a student decodes; and transformers refuses to save some settings that it
    # loads, such as a temperature without sampling.
    model.generation_config = special_tokens(job.base)
    if job.start is not None:
        model = trained_on(model, job.start)
    elif job.adapter is not None:
        model = job.adapter.adapt(model)
    for part in trained(model):
        part.data = part.data.to(MASTER)
    settle(model, int(os.environ.get("LOCAL_WORLD_SIZE", job.processes)))
    return model


def is_main() -> bool:
    """Whether this is the one of several processes that writes.

    Accelerate knows only once it has been told, by the loop, that there is no GPU.
    """
    return int(os.environ.get("RANK", "0")) == 0


def trained(model: Any) -> list[torch.nn.Parameter]:
    """The weights that training changes."""
    return [part for part in model.parameters() if part.requires_grad]


def save(job: Job, model: Any, tokenizer: Any, weights: dict[str, Any] | None = None) -> None:
    """Writes an adapter alone or a whole model, with the tokenizer.

    Args:
        job: the training.
        model: the student.
        tokenizer: its.
        weights: all of them, where the model has but a part.
    """
    given = {} if weights is None else {"state_dict": weights}
    model.save_pretrained(job.out, **given)
    tokenizer.save_pretrained(job.out)
    # The card that peft writes says where the base lies on this machine.
    (job.out / "README.md").unlink(missing_ok=True)


def try_to_save(job: Job, model: Any, tokenizer: Any) -> None:
    """Saves all but the weights of a whole model, and drops it: to fail before the training.

    Raises:
        StageError: it cannot be saved.
    """
    without: dict[str, Any] = {} if job.adapter else {"state_dict": {}}
    try:
        with TemporaryDirectory(dir=job.out) as folder:
            model.save_pretrained(folder, **without)
            tokenizer.save_pretrained(folder)
    except (ValueError, OSError, TypeError, NotImplementedError) as error:
        message = f"the student could not be saved after its training: {error}"
        raise StageError(message, help="mend the model's configuration files") from error
