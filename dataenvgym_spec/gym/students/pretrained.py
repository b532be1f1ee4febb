"""Reads what a student's folder holds. Code that a folder brings is never run, and nobody is asked.

Left to itself, transformers asks on the terminal whether to run it. It is imported when something
is read, so that a component of another package can import this from the face of `gym`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Final

from dataenvgym_spec.core.errors import MissingExtra, StageError

PROCESSORS: Final = ("processor_config.json", "preprocessor_config.json")
"""The files that say what images become, of which a student that sees brings one."""
NAMED: Final = ("num2words",)
"""What the processors of some families need besides torchvision, which their errors name."""
SPECIAL: Final = ("bos_token_id", "eos_token_id", "pad_token_id")
"""All that is kept of a model's generation settings: decoding is what the spec says."""


def read_tokenizer(folder: Path, **options: Any) -> Any:
    """The tokenizer of a student.

    Args:
        folder: of a model, in the transformers format.
        options: as `AutoTokenizer.from_pretrained` takes them.

    Raises:
        StageError: it needs code that the folder brings.
    """
    from transformers import AutoTokenizer

    return _read(AutoTokenizer.from_pretrained, folder, **options)


def read_config(folder: Path) -> Any:
    """The configuration of a student's model.

    Raises:
        StageError: it needs code that the folder brings.
    """
    from transformers import AutoConfig

    return _read(AutoConfig.from_pretrained, folder)


def sees(folder: Path) -> bool:
    """Whether a student is a vision-language model, which takes images through its processor.

    Some architectures are read with images or without: then the processor's file decides.

    Raises:
        StageError: it needs code that the folder brings.
    """
    from transformers import MODEL_FOR_CAUSAL_LM_MAPPING, MODEL_FOR_IMAGE_TEXT_TO_TEXT_MAPPING

    kind = type(read_config(folder))
    if kind not in MODEL_FOR_IMAGE_TEXT_TO_TEXT_MAPPING:
        return False
    brings = any((folder / name).is_file() for name in PROCESSORS)
    return brings or kind not in MODEL_FOR_CAUSAL_LM_MAPPING


def read_processor(folder: Path) -> Any:
    """The processor of a vision-language student: its tokenizer, and what images become.

    Raises:
        StageError: it is missing, or needs code that the folder brings.
        MissingExtra: it needs a package that is not installed here.
    """
    from transformers import AutoProcessor

    try:
        processor = _read(AutoProcessor.from_pretrained, folder)
    except (ImportError, AttributeError) as error:
        raise MissingExtra(_missing(error), None, "the student's image processor") from error
    except OSError as error:
        message = f"the processor of the student in '{folder}' cannot be read: {error}"
        raise StageError(message, help="save it there: processor.save_pretrained") from error
    if not hasattr(processor, "image_processor"):
        message = f"the student in '{folder}' has no image processor"
        raise StageError(message, help="save it there: processor.save_pretrained")
    return processor


def _missing(error: Exception) -> str:
    """The package that a processor cannot be read without."""
    # Without torchvision, transformers finds no class for the videos of some families.
    if find_spec("torchvision") is None:
        return "torchvision"
    return next((name for name in NAMED if name in str(error)), "pillow")


def needs_torchvision(config: Mapping[str, Any]) -> bool:
    """Whether transformers makes the processor of a model with torchvision alone.

    It does where the processor looks at videos too.

    Args:
        config: the content of the model's `config.json`.
    """
    if "vision_config" not in config:
        return False
    from transformers.models.auto.image_processing_auto import IMAGE_PROCESSOR_MAPPING_NAMES
    from transformers.models.auto.video_processing_auto import VIDEO_PROCESSOR_MAPPING_NAMES

    family = config.get("model_type")
    plain = IMAGE_PROCESSOR_MAPPING_NAMES.get(family)
    return family in VIDEO_PROCESSOR_MAPPING_NAMES or (plain is not None and not plain.get("pil"))


def read_model(folder: Path, *, dtype: Any, adapter: Path | None = None, **options: Any) -> Any:
    """A model that writes text, with an adapter on it if there is one.

    One that sees is loaded with what it sees by.

    Args:
        folder: of a model, in the transformers format.
        dtype: of its weights, as torch has it.
        adapter: folder of an adapter, in peft's format.
        options: as `AutoModelForCausalLM.from_pretrained` takes them.

    Raises:
        StageError: it needs code that the folder brings.
    """
    from transformers import AutoModelForCausalLM, AutoModelForImageTextToText

    kind = AutoModelForImageTextToText if sees(folder) else AutoModelForCausalLM
    model = _read(kind.from_pretrained, folder, dtype=dtype, **options)
    return model if adapter is None else with_adapter(model, adapter)


def with_adapter(model: Any, adapter: Path) -> Any:
    """A model with an adapter on it, which is the adapter's from now on.

    Args:
        model: without one.
        adapter: its folder, in peft's format.
    """
    from peft import PeftModel

    return PeftModel.from_pretrained(model, adapter)


def read_encoder(folder: Path, **options: Any) -> Any:
    """A model that gives hidden states, such as one of embeddings.

    Args:
        folder: of a model, in the transformers format.
        options: as `AutoModel.from_pretrained` takes them.

    Raises:
        StageError: it needs code that the folder brings.
    """
    from transformers import AutoModel

    return _read(AutoModel.from_pretrained, folder, **options)


def special_tokens(folder: Path) -> Any:
    """A model's generation settings, less all but the ids of its special tokens.

    Returns:
        A `GenerationConfig`.

    Raises:
        StageError: its configuration needs code that the folder brings.
    """
    from transformers import GenerationConfig

    try:
        settings = GenerationConfig.from_pretrained(folder)
    except OSError:  # there is no such file: older models have it in their configuration
        settings = GenerationConfig.from_model_config(read_config(folder))
    return GenerationConfig(**{name: getattr(settings, name) for name in SPECIAL})


def _read(load: Callable[..., Any], folder: Path, **options: Any) -> Any:
    try:
        return load(folder, trust_remote_code=False, **options)
    except ValueError as error:
        if "trust_remote_code" not in str(error):
            raise
        raise StageError(
            f"the model in '{folder}' needs code of its own, which is never run",
            help="take a model of an architecture that transformers has",
        ) from error
