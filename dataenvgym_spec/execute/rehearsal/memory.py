"""What the real student takes of a device's memory, by its configuration. An estimate.

Weights that are trained take 16 bytes each: themselves, their gradients and the two moments of
AdamW, all in float32 (Rajbhandari et al., ZeRO, 2020, section 3.1, with what `trainers/student`
keeps). What is kept for the backward pass is 34 s b h bytes a layer in 16 bits (Korthikanti et al.,
Reducing Activation Recomputation, 2022, equation 2 without the attention matrices, which fused
attention does not keep), for b sequences of s tokens and a width of h; and 8 bytes for each of the
logits and its gradient in float32. In generation it is the weights, and two numbers for each token,
layer, pair of heads and dimension of a head.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from dataenvgym_spec.gym.students.weights import BYTES

TRAINED: Final = 16
ACTIVATIONS: Final = 34
LOGITS: Final = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class Sizes:
    """What of a model decides about memory.

    Attributes:
        parameters: all of them.
        trained: those that training changes.
        layers: of the language model.
        width: of a token's state.
        pairs: numbers that a token's keys have in a layer; its values have as many.
        vocabulary: how many tokens there are.
        positions: the longest sequence that it was made for; None where nothing says so.
    """

    parameters: int
    trained: int
    layers: int
    width: int
    pairs: int
    vocabulary: int
    positions: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Memory:
    """Bytes on a device.

    Attributes:
        weights: frozen ones in training.
        trained: trained weights with their gradients and moments.
        each: what one sequence of the longest length keeps for the backward pass.
        batch: sequences of a step.
        served: weights in generation.
        cache: keys and values of a batch of the longest sequences.
    """

    weights: int
    trained: int
    each: int
    batch: int
    served: int
    cache: int

    @property
    def least_training(self) -> int:
        """With one sequence at a time."""
        return self.weights + self.trained + self.each

    @property
    def training(self) -> int:
        """With the whole batch on one device."""
        return self.weights + self.trained + self.each * self.batch

    @property
    def generation(self) -> int:
        """With all prompts of a batch side by side."""
        return self.served + self.cache


def sizes_of(config: Any, adapt: Callable[[Any], Any] | None) -> Sizes:
    """The sizes of a model; none of its weights is made.

    Args:
        config: of the real model, as transformers has it.
        adapt: puts an adapter on a model; None where all weights are trained.
    """
    import torch
    from transformers import AutoModelForCausalLM, AutoModelForImageTextToText

    kind = AutoModelForCausalLM
    if type(config) not in AutoModelForCausalLM._model_mapping:
        kind = AutoModelForImageTextToText
    with torch.device("meta"):
        model = kind.from_config(config)
        parameters = model.num_parameters()
        trained = parameters
        if adapt is not None:
            adapted = adapt(model)
            trained = sum(part.numel() for part in adapted.parameters() if part.requires_grad)
    text = config.get_text_config(decoder=True)
    heads = text.num_attention_heads
    head = getattr(text, "head_dim", None) or text.hidden_size // heads
    return Sizes(
        parameters=int(parameters),
        trained=int(trained),
        layers=text.num_hidden_layers,
        width=text.hidden_size,
        pairs=(getattr(text, "num_key_value_heads", None) or heads) * head,
        vocabulary=text.vocab_size,
        positions=getattr(text, "max_position_embeddings", None),
    )


def memory(sizes: Sizes, *, train: Any, generate: Any, adapted: bool, prompt: int) -> Memory:
    """What training and generation take.

    Args:
        sizes: of the real model.
        train: how it is trained; `language.student.Train`.
        generate: how it generates; `language.student.Generate`.
        adapted: whether an adapter is trained, and the weights below are frozen.
        prompt: tokens of the longest prompt.
    """
    wide, served = BYTES[train.dtype], BYTES[generate.dtype]
    tokens = min(train.max_length, sizes.positions or train.max_length)
    kept = ACTIVATIONS * wide // 2 * sizes.width * sizes.layers
    each = tokens * (kept + LOGITS * sizes.vocabulary)
    length = prompt + generate.max_new_tokens
    if sizes.positions is not None:
        length = min(length, sizes.positions)
    cache = 2 * sizes.layers * sizes.pairs * served * length
    return Memory(
        weights=sizes.parameters * wide if adapted else 0,
        trained=sizes.trained * TRAINED,
        each=each,
        batch=train.batch_size,
        served=sizes.parameters * served,
        cache=cache * generate.batch_size * (generate.samples if generate.draws else 1),
    )
