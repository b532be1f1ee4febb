"""How large a model is, by its files, as transformers and diffusers lay them out."""

import json
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import save_file

from dataenvgym_spec.gym.students.weights import parameters_in


def save(path: Path, **shapes: tuple[int, ...]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    save_file({name: np.zeros(shape, np.float16) for name, shape in shapes.items()}, path)


def index(folder: Path, name: str, *files: str) -> None:
    content = {"weight_map": {f"w{number}": file for number, file in enumerate(files)}}
    (folder / name).write_text(json.dumps(content), encoding="utf-8")


def test_a_file_in_safetensors_says_its_numbers(tmp_path: Path) -> None:
    save(tmp_path / "model.safetensors", embed=(10, 4), norm=(4,), scale=())
    assert parameters_in(tmp_path) == 45


def test_what_an_index_names_is_one_model(tmp_path: Path) -> None:
    save(tmp_path / "model-1.safetensors", first=(5, 2))
    save(tmp_path / "model-2.safetensors", second=(7,))
    # Some models have all of it in one file besides.
    save(tmp_path / "consolidated.safetensors", first=(5, 2), second=(7,))
    index(
        tmp_path,
        "model.safetensors.index.json",
        *["model-1.safetensors"] * 2,
        "model-2.safetensors",
    )
    assert parameters_in(tmp_path) == 17


def test_a_pipeline_is_its_parts_each_in_one_precision(tmp_path: Path) -> None:
    save(tmp_path / "unet" / "diffusion_pytorch_model.safetensors", w=(100,))
    save(tmp_path / "unet" / "diffusion_pytorch_model.fp16.safetensors", w=(100,))
    save(tmp_path / "vae" / "diffusion_pytorch_model.safetensors", w=(11,))
    (tmp_path / "scheduler").mkdir()
    assert parameters_in(tmp_path) == 111


def test_other_files_say_it_by_their_size(tmp_path: Path) -> None:
    (tmp_path / "pytorch_model.bin").write_bytes(b"0" * 2000)
    assert parameters_in(tmp_path) == 1000


@pytest.mark.parametrize("name", ["model.safetensors", "model.safetensors.index.json"])
def test_what_is_damaged_or_missing_says_nothing(name: str, tmp_path: Path) -> None:
    assert parameters_in(tmp_path / "absent") is None
    assert parameters_in(tmp_path) is None
    (tmp_path / name).write_bytes(b"[]" * 20)
    assert parameters_in(tmp_path) is None
    # A model of which a part is missing.
    index(tmp_path, "model.safetensors.index.json", "gone.safetensors")
    assert parameters_in(tmp_path) is None
