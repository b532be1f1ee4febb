"""Students that see: they learn from what an image shows, through their own processor."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

import msgspec
import pytest

from dataenvgym_spec.core.errors import MissingExtra, StageError
from dataenvgym_spec.gym.students.adapters.lora import Lora
from dataenvgym_spec.gym.students.codec import Codec
from dataenvgym_spec.gym.students.vision import Gallery, Inputs, stacked
from dataenvgym_spec.results.evidence.statistics import paired
from tests.support.training import TRAIN, job_in
from tests.support.vision import (
    answers,
    content_of,
    drawn,
    examples,
    noise,
    pictures,
    prompts,
    seeing,
    taught,
)

LEARNS = {"length": {"steps": 85}, "learning_rate": 2e-3, "schedule": "constant", "batch_size": 32}
QUICK = {"length": {"steps": 12}, "batch_size": 8, "learning_rate": 2e-2}


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return seeing(tmp_path_factory.mktemp("base") / "student")


@pytest.mark.slow
def test_a_student_learns_to_look(tmp_path: Path, base: Path) -> None:
    """It beats the usual answer to each question, and itself where it is taught on noise."""
    source = pictures()

    content = content_of(source)
    learned, asked = drawn(source, 400, 1), drawn(source, 60, 2)
    show = prompts(tmp_path, asked, content)
    right = {}
    for name, paint in (("seen", content), ("noise", noise)):
        student = taught(tmp_path / name, base, learned, paint, **LEARNS)
        said = answers(student, asked, show)
        right[name] = {
            item.id: one.text == item.target for item, one in zip(asked, said, strict=True)
        }
    usual: dict[str, Counter[str]] = {}
    for item in learned:
        usual.setdefault(item.input, Counter())[item.target] += 1
    right["usual"] = {
        item.id: usual[item.input].most_common(1)[0][0] == item.target for item in asked
    }
    clusters = {item.id: item.cluster for item in asked}
    for other in ("usual", "noise"):
        compared = paired(right["seen"], right[other], clusters)
        assert compared.difference.low > 0, (other, compared)


def test_an_adapter_is_trained_on_one_that_sees(tmp_path: Path, base: Path) -> None:
    source = pictures()
    items = drawn(source, 4, 1)
    show: Any = source.images.content
    student = taught(
        tmp_path / "lora",
        base,
        items,
        show,
        **LEARNS | QUICK,
        adapter=Lora(r=4, alpha=8, dropout=0.0),
    )
    assert (student / "adapter_config.json").is_file() and (
        student / "processor_config.json"
    ).is_file()
    config = json.loads((student / "adapter_config.json").read_text())
    assert {name.split(".")[-1] for name in config["target_modules"]} >= {"q_proj", "fc1", "linear"}
    asked = prompts(tmp_path, items, show)
    said = answers(base, items, asked, adapter=student)
    assert len(said) == len(items) and said != answers(base, items, asked)


CHAT = (
    "{% for message in messages %}{{ message.role }}: {% for part in message.content %}"
    "{% if part.type == 'image' %}<image>{% else %}{{ part.text }}{% endif %}{% endfor %}<end_of_utterance>\n{% endfor %}"
    "{% if add_generation_prompt %}assistant:{% endif %}"
)


def idefics(folder: Path) -> Path:
    """An untaught Idefics3, the architecture that SmolVLM has, with a chat template."""
    from transformers import Idefics3Config, Idefics3ForConditionalGeneration, Idefics3Processor
    from transformers.models.idefics3.image_processing_pil_idefics3 import Idefics3ImageProcessorPil

    from dataenvgym_spec.gym.students.models.paligemma import tokenizer_of

    tokenizer = tokenizer_of(
        [f"user: assistant: {item.input} {item.target}" for item in drawn(pictures(), 60, 7)]
    )
    marks = ["<fake_token_around_image>", "<image>", "<end_of_utterance>", "<global-img>"]
    tokenizer.add_special_tokens({"additional_special_tokens": marks})
    images = Idefics3ImageProcessorPil(
        size={"longest_edge": 64}, max_image_size={"longest_edge": 32}, do_image_splitting=False
    )
    sizes = {
        "hidden_size": 32,
        "intermediate_size": 64,
        "num_hidden_layers": 1,
        "num_attention_heads": 2,
    }
    special = {
        f"{name}_token_id": getattr(tokenizer, f"{name}_token_id") for name in ("pad", "eos", "bos")
    }
    text = {
        "model_type": "llama",
        "num_key_value_heads": 2,
        "vocab_size": len(tokenizer),
        **special,
        **sizes,
    }
    config = Idefics3Config(
        image_token_id=tokenizer.convert_tokens_to_ids("<image>"),
        scale_factor=2,
        pad_token_id=tokenizer.pad_token_id,
        vision_config={"image_size": 32, "patch_size": 8, **sizes},
        text_config=text,
    )
    Idefics3ForConditionalGeneration(config).save_pretrained(folder)
    Idefics3Processor(images, tokenizer, image_seq_len=4, chat_template=CHAT).save_pretrained(
        folder
    )
    return folder


def test_a_conversation_shows_images_where_the_template_says(tmp_path: Path) -> None:
    from dataenvgym_spec.gym.students.trainers.sft import Sft

    source = pictures()
    items, model = drawn(source, 4, 1), idefics(tmp_path / "base")
    asked = prompts(tmp_path, items, content_of(source), chat=True)
    codec = Codec(model, max_new_tokens=4)
    inputs = codec.inputs(asked.prompt(items[0]))
    tokens = codec.tokenizer.convert_ids_to_tokens(inputs.ids)
    assert tokens[2:9] == [
        "<fake_token_around_image>",
        "<global-img>",
        *["<image>"] * 4,
        "<fake_token_around_image>",
    ]
    assert tokens[-2:] == ["assistant", ":"] and inputs.seen["pixel_values"].shape == (
        1,
        1,
        3,
        32,
        32,
    )
    examples(tmp_path / "examples.jsonl", items, asked)
    more = {**TRAIN, "length": {"steps": 30}, "batch_size": 8, "learning_rate": 3e-3}
    job = job_in(tmp_path, model, {**more, "max_length": 200}, device_batch=8)
    Sft().train(job)
    said = [one.text for one in answers(job.out, items, asked)]
    assert said[:4] == [item.target for item in items[:4]]


def test_what_only_looks_like_an_image_is_text(base: Path, tmp_path: Path) -> None:
    source = pictures()
    (item, *_) = drawn(source, 1, 1)
    asked = prompts(tmp_path, [item], content_of(source))
    codec = Codec(base, max_new_tokens=4)
    odd = asked.prompt(
        msgspec.structs.replace(item, input="Where is the <image> of a circle<eos>?")
    )
    tokens = codec.tokenizer.convert_ids_to_tokens(codec.inputs(odd).ids)
    assert tokens.count("<image>") == 9 and "<eos>" not in tokens and "circle" in tokens


def test_a_text_without_an_image_is_told(base: Path) -> None:
    with pytest.raises(StageError, match="refuses a prompt with 0 images"):
        Codec(base, max_new_tokens=4).inputs("What colour is the circle?")


def test_what_does_not_fit_in_memory_is_looked_at_again(base: Path, tmp_path: Path) -> None:
    source = pictures()
    items = drawn(source, 2, 1)
    asked = prompts(tmp_path, items, content_of(source))
    codec = Codec(base, max_new_tokens=4)
    made: list[int] = []

    def make(number: int) -> Inputs:
        made.append(number)
        return codec.inputs(asked.prompt(items[number]))

    gallery = Gallery(make, room=3 * 48 * 48 * 4)
    assert [bool(gallery.look(number).seen) for number in (0, 1)] == [False, False]
    first, second = gallery.seen(0), gallery.seen(1)
    assert made == [0, 1, 1] and not first["pixel_values"].equal(second["pixel_values"])


def test_smaller_images_of_a_batch_are_filled_up() -> None:
    import torch

    rows = [{"pixels": torch.ones(1, 1, 2, 3)}, {"pixels": torch.ones(1, 2, 4, 3)}]
    batch = stacked(rows)["pixels"]
    assert batch.shape == (2, 2, 4, 3) and batch.sum() == 6 + 24


@pytest.mark.parametrize(
    ("error", "here", "package"),
    [
        (AttributeError("VIDEO_PROCESSOR_MAPPING has no attribute"), None, "torchvision"),
        (ImportError("Package `num2words` is required to run"), "here", "num2words"),
        (ImportError("it needs vision"), "here", "pillow"),
    ],
)
def test_a_processor_that_needs_a_package_says_so(
    error: Exception, here: str | None, package: str, base: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from transformers import AutoProcessor

    def load(*_: Any, **__: Any) -> Any:
        raise error

    monkeypatch.setattr(AutoProcessor, "from_pretrained", load)
    monkeypatch.setattr("dataenvgym_spec.gym.students.pretrained.find_spec", lambda _: here)
    with pytest.raises(MissingExtra, match=f"'{package}', which is not installed"):
        Codec(base, max_new_tokens=4)
