"""Pipelines of diffusers as painters, with a tiny Stable Diffusion that is made on the spot."""

from __future__ import annotations

import json
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

from dataenvgym_spec.core.errors import StageError
from dataenvgym_spec.gym.engines.repainted import Repainted
from dataenvgym_spec.gym.tasks.media import picture_of
from dataenvgym_spec.gym.teachers.procedural import ProceduralTeacher
from dataenvgym_spec.gym.tools import Tools
from dataenvgym_spec.records.plans import Request
from tests.support.golden import defaults, make
from tests.support.pipelines import editing, pipeline, untold
from tests.support.vision import pictures

# Its import takes seconds, also where none of these tests is run.
pytestmark = [
    pytest.mark.skipif(find_spec("diffusers") is None, reason="diffusers is not installed"),
    pytest.mark.filterwarnings("ignore::FutureWarning"),
]

TEXTS = ["a dog", "a cat", "a dog", "two birds", "a tree"]
FEW = {"steps": 2, "guidance": 2.0, "dtype": "float32"}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return pipeline(tmp_path_factory.mktemp("tiny"))


def painter(folder: Path, **given: Any) -> Any:
    options = {**defaults("painter", "diffusers-folder"), **FEW, **given, "path": "here"}
    plain = {"kind": "diffusers-folder", "semantics": 1, **options}
    return make("painter", plain, files={"here": folder})


def test_an_image_depends_on_its_description_and_the_seed_alone(folder: Path) -> None:
    made = painter(folder, batch_size=2)
    images = made.paint(TEXTS, 1)
    assert made.device == "cpu" or made.device.startswith("cuda")
    assert images[0] == images[2] and len({*images}) == 4
    (alone,) = made.paint(["a tree"], 1)
    assert alone == images[-1] == painter(folder, batch_size=5).paint(TEXTS, 1)[-1]
    assert not {*images} & {*made.paint(TEXTS, 2)}
    assert made.paint([], 1) == []
    (content, *_) = images
    picture = picture_of(content)
    assert (picture.media, picture.width, picture.height) == ("image/png", 16, 16)


def test_options_reach_the_pipeline(folder: Path) -> None:
    (usual,) = painter(folder).paint(["a dog"], 1)
    others = [{"steps": 3}, {"guidance": 7.5}, {"dtype": "bfloat16"}]
    images = [painter(folder, **other).paint(["a dog"], 1)[0] for other in others]
    assert len({usual, *images}) == 4
    (wide,) = painter(folder, width=32, height=16).paint(["a dog"], 1)
    assert (picture_of(wide).width, picture_of(wide).height) == (32, 16)


def test_what_the_pipeline_holds_back_is_not_painted(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from diffusers import StableDiffusionPipeline

    def checked(self: Any, image: Any, device: Any, dtype: Any) -> Any:
        return image, [number == 1 for number in range(len(image))]

    monkeypatch.setattr(StableDiffusionPipeline, "run_safety_checker", checked)
    images = painter(folder).paint(["a dog", "a cat"], 1)
    assert images[0] is not None and images[1] is None


def test_examples_are_painted_with_it(folder: Path) -> None:
    tools = Tools(seed=3)
    engine = Repainted(
        teacher=ProceduralTeacher(source=pictures()), painter=painter(folder), oversample=1.0
    )
    assert engine.device is None
    made = list(engine.generate([Request(id="colour", skill="colour", count=3)], tools))
    assert len(made) == 3 and engine.device
    assert all(tools.images.content(one.images[0]) for one in made)


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (lambda folder: (folder / "model_index.json").unlink(), "cannot be loaded"),
        (lambda folder: (folder / "unet" / "diffusion_pytorch_model.safetensors").unlink(), "cannot be loaded"),
    ],
)  # fmt: skip
def test_a_folder_that_holds_no_pipeline_is_told(spoil: Any, words: str, tmp_path: Path) -> None:
    folder = pipeline(tmp_path)
    spoil(folder)
    with pytest.raises(StageError, match=words) as caught:
        painter(folder).paint(["a dog"], 1)
    assert "safetensors" in caught.value.help


def test_code_that_a_pipeline_brings_is_never_run(tmp_path: Path) -> None:
    folder, ran = pipeline(tmp_path), tmp_path / "ran"
    code = f"from pathlib import Path\nPath({str(ran)!r}).touch()\nclass Mine: pass\n"
    (folder / "mine.py").write_text(code, encoding="utf-8")
    index = json.loads((folder / "model_index.json").read_text())
    index["_class_name"] = ["mine", "Mine"]
    (folder / "model_index.json").write_text(json.dumps(index), encoding="utf-8")
    with pytest.raises(StageError, match="cannot be loaded"):
        painter(folder).paint(["a dog"], 1)
    assert not ran.exists()


@pytest.mark.parametrize(
    ("makes", "words"),
    [
        (untold, "is a DDPMPipeline, which makes no images of texts alone"),
        (editing, "does not paint so: Input is in incorrect format"),
    ],
)
def test_a_pipeline_that_needs_no_text_or_an_image_is_refused(
    makes: Any, words: str, tmp_path: Path
) -> None:
    with pytest.raises(StageError, match=words) as caught:
        painter(makes(tmp_path)).paint(["a dog"], 1)
    assert "name a text-to-image pipeline" in caught.value.help


def test_a_pipeline_of_the_hub_is_asked_for_by_its_commit(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from diffusers import DiffusionPipeline

    asked: list[tuple[str, dict[str, Any]]] = []
    load = DiffusionPipeline.from_pretrained

    def loaded(name: str, **options: Any) -> Any:
        asked.append((name, options))
        return load(folder, **{key: one for key, one in options.items() if key != "revision"})

    monkeypatch.setattr(DiffusionPipeline, "from_pretrained", loaded)
    given = {**defaults("painter", "diffusers"), **FEW, "id": "maker/tiny", "revision": "b" * 40}
    made = make("painter", {"kind": "diffusers", "semantics": 1, **given})
    assert made.paint(TEXTS, 1) == painter(folder).paint(TEXTS, 1)
    ((name, options), _) = asked
    assert (name, options["revision"]) == ("maker/tiny", "b" * 40)
    assert (options["use_safetensors"], options["trust_remote_code"]) == (True, False)
