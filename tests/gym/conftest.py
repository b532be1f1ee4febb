"""What trainings that are tested begin with."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from dataenvgym_spec.gym.tasks.scoring import Judge
from tests.support.judged import exact
from tests.support.students import untrained


@pytest.fixture(scope="session")
def judge() -> Iterator[Judge]:
    """The scorer that compares texts, as a stage has it."""
    made = exact()
    yield made
    made.close()


@pytest.fixture(scope="session")
def blank(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A student that has learned nothing. Not to be changed."""
    return untrained(tmp_path_factory.mktemp("blank") / "student")
