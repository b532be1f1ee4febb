"""Which backend is loaded, and what is said where it cannot be."""

import sys
from pathlib import Path

import pytest

from dataenvgym_spec.core.errors import MissingExtra
from dataenvgym_spec.graph.component import Component
from dataenvgym_spec.gym.students.backends.loading import load_backend
from dataenvgym_spec.gym.students.backends.protocol import GenerationSettings

SETTINGS = GenerationSettings(dtype="float32", max_new_tokens=6, batch_size=8)


@pytest.mark.parametrize(
    ("kind", "package", "extras"),
    [("vllm", "vllm", ("vllm", "vllm-cpu")), ("transformers", "torch", ("train",))],
)
def test_a_missing_engine_says_which_extra(
    kind: str,
    package: str,
    extras: tuple[str, ...],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(sys.modules, package, None)
    module = f"dataenvgym_spec.gym.students.backends.{kind}"
    monkeypatch.delitem(sys.modules, module, raising=False)
    with pytest.raises(MissingExtra) as caught:
        component = Component(slot="backend", kind=kind, version=1)
        load_backend(component, settings=SETTINGS, student=tmp_path, base=None)
    assert caught.value.message == (
        f"generation with {kind} needs the package '{package}', which is not installed"
    )
    helps = [f"run: pip install 'dataenvgym-spec[{extra}]'" for extra in extras]
    assert caught.value.help in helps
