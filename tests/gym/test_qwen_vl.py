"""Students of the Qwen-VL family, made from a configuration: their processor needs torchvision.

Where that is not installed, as beside a CPU build of torch, a folder with both in front of the others does:
`uv pip install --target FOLDER torch torchvision`, and `PYTHONPATH=FOLDER pytest tests/gym/test_qwen_vl.py`.
"""

from __future__ import annotations

from collections import Counter
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

from dataenvgym_spec.gym.students.adapters.lora import Lora
from dataenvgym_spec.gym.students.codec import Codec
from dataenvgym_spec.results.evidence.statistics import paired
from tests.support.vision import answers, content_of, drawn, noise, pictures, prompts, taught

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(find_spec("torchvision") is None, reason="torchvision is not installed"),
]

LEARNS = {"length": {"steps": 150}, "learning_rate": 2e-3, "schedule": "constant", "batch_size": 32}
CHAT = (
    "{% for message in messages %}<|im_start|>{{ message.role }}\n{% for part in message.content %}"
    "{% if part.type == 'image' %}<|vision_start|><|image_pad|><|vision_end|>{% else %}{{ part.text }}{% endif %}"
    "{% endfor %}<|im_end|>\n{% endfor %}{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)
MARKS = [
    "<|im_start|>", "<|im_end|>", "<|vision_start|>", "<|vision_end|>", "<|image_pad|>", "<|video_pad|>",
]  # fmt: skip
WIDTH = 64


def tiny(folder: Path, family: str) -> Path:
    """An untaught student of a family, with the words of the questions."""
    import transformers
    from transformers import Qwen2VLImageProcessor, Qwen2VLVideoProcessor

    from dataenvgym_spec.gym.students.models.paligemma import tokenizer_of

    words = [f"user assistant \n {item.input} {item.target}" for item in drawn(pictures(), 60, 7)]
    tokenizer = tokenizer_of(words)
    tokenizer.add_special_tokens({"additional_special_tokens": MARKS, "eos_token": "<|im_end|>"})
    ids = dict(zip(MARKS, tokenizer.convert_tokens_to_ids(MARKS), strict=True))
    # What is so narrow learns nothing in so few steps from weights as small as the default.
    scale = {"initializer_range": WIDTH**-0.5}
    seen: dict[str, Any] = {"depth": 2, "num_heads": 4, "patch_size": 8, **scale}
    if family == "Qwen2VL":
        seen |= {"embed_dim": WIDTH, "hidden_size": WIDTH, "mlp_ratio": 2}
    else:
        seen |= {
            "hidden_size": WIDTH, "out_hidden_size": WIDTH, "intermediate_size": 2 * WIDTH,
            "fullatt_block_indexes": [1], "window_size": 32,
        }  # fmt: skip
    special = {name: getattr(tokenizer, f"{name}_token_id") for name in ("pad", "eos", "bos")}
    text = {
        "vocab_size": len(tokenizer), "hidden_size": WIDTH, "intermediate_size": 2 * WIDTH, "num_hidden_layers": 2,
        "num_attention_heads": 4, "num_key_value_heads": 2, "max_position_embeddings": 512,
        "rope_parameters": {"rope_type": "default", "rope_theta": 10000.0, "mrope_section": [2, 3, 3]},
        **{f"{name}_token_id": value for name, value in special.items()}, **scale,
    }  # fmt: skip
    config = getattr(transformers, f"{family}Config")(
        text_config=text,
        vision_config=seen,
        image_token_id=ids["<|image_pad|>"],
        video_token_id=ids["<|video_pad|>"],
        vision_start_token_id=ids["<|vision_start|>"],
        vision_end_token_id=ids["<|vision_end|>"],
    )
    getattr(transformers, f"{family}ForConditionalGeneration")(config).save_pretrained(folder)
    sizes = {"patch_size": 8, "min_pixels": 16 * 16, "max_pixels": 64 * 64}
    images, videos = Qwen2VLImageProcessor(**sizes), Qwen2VLVideoProcessor(**sizes)
    processor = getattr(transformers, f"{family}Processor")
    processor(images, tokenizer, videos, chat_template=CHAT).save_pretrained(folder)
    return folder


@pytest.mark.parametrize("family", ["Qwen2VL", "Qwen2_5_VL"])
def test_a_student_of_the_family_learns_to_look(family: str, tmp_path: Path) -> None:
    """It beats the usual answer to each question, and itself where it is taught on noise."""
    source, base = pictures(), tiny(tmp_path / "base", family)
    content = content_of(source)
    learned, asked = drawn(source, 400, 1), drawn(source, 60, 2)
    show = prompts(tmp_path, asked, content, chat=True)
    right = {}
    for name, paint in (("seen", content), ("noise", noise)):
        student = taught(tmp_path / name, base, learned, paint, chat=True, **LEARNS)
        said = answers(student, asked, show)
        pairs = zip(asked, said, strict=True)
        right[name] = {item.id: one.text == item.target for item, one in pairs}
    usual: dict[str, Counter[str]] = {}
    for item in learned:
        usual.setdefault(item.input, Counter())[item.target] += 1
    right["usual"] = {
        item.id: usual[item.input].most_common(1)[0][0] == item.target for item in asked
    }
    print({name: sum(rows.values()) / len(rows) for name, rows in right.items()})
    clusters = {item.id: item.cluster for item in asked}
    for other in ("usual", "noise"):
        compared = paired(right["seen"], right[other], clusters)
        assert compared.difference.low > 0, (other, compared)


@pytest.mark.parametrize("family", ["Qwen2VL", "Qwen2_5_VL"])
def test_images_stand_where_the_template_says_and_adapters_train(
    family: str, tmp_path: Path
) -> None:
    source, base = pictures(), tiny(tmp_path / "base", family)
    items = drawn(source, 4, 1)
    show = prompts(tmp_path, items, content_of(source), chat=True)
    codec = Codec(base, max_new_tokens=4)
    inputs = codec.inputs(show.prompt(items[0]))
    tokens = codec.tokenizer.convert_ids_to_tokens(inputs.ids)
    assert tokens.count("<|image_pad|>") == 9 and inputs.seen["image_grid_thw"].tolist() == [
        [1, 6, 6]
    ]
    assert inputs.seen["pixel_values"].shape[0] == 36
    quick = {"length": {"steps": 12}, "batch_size": 8, "learning_rate": 2e-2}
    adapter = Lora(r=4, alpha=8, dropout=0.0)
    student = taught(
        tmp_path / "lora", base, items, content_of(source), chat=True, adapter=adapter, **quick
    )
    assert (student / "adapter_config.json").is_file()
    said = answers(base, items, show, adapter=student)
    assert len(said) == len(items) and said != answers(base, items, show)
