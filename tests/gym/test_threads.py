"""How many threads a model on the CPU gets."""

import pytest
import torch

from dataenvgym_spec.core.errors import UserError
from dataenvgym_spec.gym.students.threads import settle


def test_a_small_model_has_one_thread_unless_the_user_says_more(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    before, model = torch.get_num_threads(), torch.nn.Linear(2, 2)
    try:
        monkeypatch.setenv("DATAENVGYM_THREADS", "2")
        settle(model)
        assert torch.get_num_threads() == 2
        monkeypatch.delenv("DATAENVGYM_THREADS")
        settle(model)
        assert torch.get_num_threads() == 1
        monkeypatch.setenv("DATAENVGYM_THREADS", "all")
        with pytest.raises(UserError, match="DATAENVGYM_THREADS is 'all'"):
            settle(model)
    finally:
        torch.set_num_threads(before)
