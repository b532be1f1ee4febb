"""vLLM in this process: the one way in which a model is started and generates, whoever asks.

It runs eagerly, which makes its output repeatable, unless a spec gives that up.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

from dataenvgym_spec.core.variables import VLLM_CACHE, VLLM_CACHE_GIB
from dataenvgym_spec.gym.prompt import Prompt
from dataenvgym_spec.gym.students.backends.finite import no_numbers
from dataenvgym_spec.gym.students.backends.lora import largest_rank
from dataenvgym_spec.gym.students.backends.protocol import Completion
from dataenvgym_spec.gym.students.backends.quiet import kept_back
from dataenvgym_spec.gym.students.backends.serving import Serving, fits
from dataenvgym_spec.gym.students.codec import Codec

# vLLM reads these when it is imported: one process, no network, a small cache, and no answer out of
# scores that are no numbers, unless the user says otherwise.
os.environ.setdefault("VLLM_ENABLE_V1_MULTIPROCESSING", "0")
os.environ.setdefault("VLLM_NO_USAGE_STATS", "1")
os.environ.setdefault("VLLM_RAISE_ON_LOGIT_NANS", "1")
os.environ.setdefault(VLLM_CACHE, str(VLLM_CACHE_GIB))
os.environ.setdefault("VLLM_LOGGING_LEVEL", "ERROR")
QUIET: Final = ("ERROR", "CRITICAL", "FATAL")
"""Levels of vLLM's log at which nobody asked to see how it starts."""
NO_NUMBERS: Final = "NaNs detected in logits"
"""What it says of such scores (vllm/v1/worker/utils.py)."""
SHAPES: Final = {"backend": "xgrammar", "disable_any_whitespace": True}
"""How answers are held to a JSON Schema. Between its tokens JSON may have white space without end,
which is what a weak model then writes."""


def _terminal() -> AbstractContextManager[None]:
    """Keeps back progress bars and messages of libraries, unless the user wants vLLM's log."""
    level = os.environ["VLLM_LOGGING_LEVEL"].upper()
    return kept_back() if level in QUIET else nullcontext()


with _terminal():
    import torch
    from transformers import GenerationConfig
    from vllm import LLM, SamplingParams, TokensPrompt
    from vllm.exceptions import VLLMValidationError
    from vllm.lora.request import LoRARequest
    from vllm.model_executor.layers.vocab_parallel_embedding import ParallelLMHead
    from vllm.sampling_params import StructuredOutputsParams
    from vllm.v1.structured_output.backend_xgrammar import validate_xgrammar_grammar


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """One completion that is wanted.

    Attributes:
        prompt: its prompt, or the tokens of it.
        seed: of what is drawn; None where nothing is.
        shape: JSON Schema that the completion is held to, one that can be (`holds`).
    """

    prompt: Prompt | str | list[int]
    seed: int | None = None
    shape: dict[str, Any] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Drawn:
    """A completion, and the logarithm of the probability of each of its tokens if asked for.

    Attributes:
        ids: its tokens, with the one that ends it.
    """

    completion: Completion
    ids: tuple[int, ...] = ()
    logprobs: tuple[float, ...] | None = None


class VllmEngine:
    """A model in vLLM, with a LoRA adapter if it has one.

    Args of the constructor:
        model: folder of the model.
        adapter: folder of an adapter on it.
        dtype: of the weights.
        longest: tokens of the longest completion.
        side_by_side: prompts that are generated at once.
        repeatable: whether running it again must give the same.
        serving: how it uses this machine; None for what the environment says.
        options: further arguments of vLLM's `LLM`.
    """

    def __init__(
        self,
        model: Path,
        *,
        adapter: Path | None = None,
        dtype: str,
        longest: int,
        side_by_side: int,
        repeatable: bool = True,
        serving: Serving | None = None,
        **options: Any,
    ) -> None:
        self.dtype, self.side_by_side, self.repeatable = dtype, side_by_side, repeatable
        self.device = "cuda" if torch.cuda.is_available() else "cpu"
        self.codec = Codec(model, max_new_tokens=longest)
        self.request: LoRARequest | None = None
        serving = serving or Serving.of(os.environ)
        self.gpus = serving.gpus
        options |= serving.options()
        if self.device == "cpu":
            # A seeded prompt that is read in parts fails there: torch's generators of the CPU have
            # no offset to set back (vllm/v1/worker/gpu_model_runner.py).
            options["enable_chunked_prefill"] = False
        if adapter is not None:
            self.request = LoRARequest("student", 1, str(adapter))
            options |= {"enable_lora": True, "max_lora_rank": largest_rank(adapter)}
        self.llm = self.started(model, options)

    def started(self, model: Path, options: dict[str, Any]) -> LLM:
        """Starts vLLM. Reads what a model says of how it generates from an empty file instead."""
        with TemporaryDirectory() as neutral, _terminal():
            GenerationConfig().save_pretrained(neutral)
            return LLM(
                model=str(model),
                trust_remote_code=False,
                generation_config=neutral,
                dtype=self.dtype,
                enforce_eager=self.repeatable,
                disable_log_stats=True,
                max_num_seqs=self.side_by_side,
                structured_outputs_config=dict(SHAPES),
                **options,
            )

    def take(self, weights: Iterable[tuple[str, torch.Tensor]]) -> None:
        """Replaces all weights of the model.

        Args:
            weights: by the names that they have in its folder; they are left as they are.
        """
        self.llm.collective_rpc("reload_weights", kwargs={"weights_iterator": weights})
        if self.device == "cpu":
            self.llm.apply_model(_pack_heads)
        self.forget()

    def adapt(self, adapter: Path | None) -> None:
        """Has the next completions be of another adapter, whose folder stays until they are made.

        It has to be of the `max_lora_rank` that vLLM was started with, and None where it was
        started for none: what makes room for adapters may compute in another way.
        """
        if adapter is not None:
            # An adapter is known by its number: with the one before it would not be read.
            number = 1 if self.request is None else self.request.lora_int_id + 1
            self.request = LoRARequest(f"student-{number}", number, str(adapter))
        self.forget()

    def forget(self) -> None:
        """Drops what is kept of prompts: it was computed with the weights before.

        Raises:
            RuntimeError: some completions are still under way.
        """
        if not self.llm.reset_prefix_cache():
            raise RuntimeError("vLLM still generates with the weights before")

    def holds(self, shape: dict[str, Any]) -> bool:
        """Whether completions can be held to a JSON Schema; not every keyword is known."""
        params = SamplingParams(structured_outputs=StructuredOutputsParams(json=shape))
        try:
            validate_xgrammar_grammar(params)
        except (ValueError, VLLMValidationError):
            return False
        return True

    def generate(
        self,
        wanted: Iterable[Wanted],
        *,
        temperature: float = 0.0,
        top_p: float = 1.0,
        logprobs: bool = False,
    ) -> Iterator[tuple[int, Drawn]]:
        """Completions as they are done, each with its place among those that are wanted.

        Args:
            wanted: what is to be completed.
            temperature: 0 for the likeliest token.
            top_p: tokens are drawn from the likeliest that make up this much.
            logprobs: whether logarithms of probabilities are given.

        Raises:
            StageError: a prompt with its answer does not fit, or the scores are no numbers.
        """
        prompts: list[list[int]] = []
        rooms: list[int] = []
        asked = tuple(wanted)
        for one in asked:
            prompts.append(self._tokens(one.prompt))
            rooms.append(self.codec.room(prompts[-1]))
        needed = [len(prompt) + room for prompt, room in zip(prompts, rooms, strict=True) if room]
        fits(max(needed, default=0), self.llm.model_config.max_model_len)
        places: dict[str, int] = {}
        for place, one in enumerate(asked):
            if not rooms[place]:  # vLLM refuses a prompt with nothing to generate
                yield place, Drawn(completion=self.codec.completion(prompts[place], ()))
                continue
            decoding = SamplingParams(
                temperature=temperature,
                top_p=top_p,
                seed=one.seed,
                max_tokens=rooms[place],
                stop_token_ids=sorted(self.codec.ends),
                logprobs=0 if logprobs else None,
                # The codec reads the tokens as it does those of every backend.
                detokenize=False,
            )
            places[self._enqueued(prompts[place], decoding, one.shape)] = place
        for place, output in self._done(places):
            completion = self.codec.completion(prompts[place], output.token_ids)
            ids = tuple(output.token_ids[: completion.tokens])
            logprobs_of = _logprobs(output, completion)
            yield place, Drawn(completion=completion, ids=ids, logprobs=logprobs_of)

    def _tokens(self, prompt: Prompt | str | list[int]) -> list[int]:
        return prompt if isinstance(prompt, list) else self.codec.encode(prompt)

    def _enqueued(
        self, prompt: list[int], decoding: SamplingParams, shape: dict[str, Any] | None
    ) -> str:
        """Hands a prompt in; gives the name by which its output comes.

        What vLLM gives is that name with random signs behind it (v1/engine/input_processor.py).
        """
        tokens = TokensPrompt(prompt_token_ids=prompt)
        if shape is not None:
            decoding.structured_outputs = StructuredOutputsParams(json=shape)
        (name,) = self.llm.enqueue(tokens, decoding, lora_request=self.request, use_tqdm=False)
        return str(name).partition("-")[0]

    def _done(self, places: Mapping[str, int]) -> Iterator[tuple[int, Any]]:
        """What is finished, as it comes. What nobody waits for any more is ended."""
        engine = self.llm.llm_engine
        left = set(places)
        try:
            while left:
                for output in engine.step():
                    if output.finished:
                        left.discard(output.request_id)
                        yield places[output.request_id], output.outputs[0]
        except RuntimeError as error:
            if NO_NUMBERS not in str(error):
                raise
            raise no_numbers(self.dtype) from error
        finally:
            if left:
                engine.abort_request(sorted(left))


def _logprobs(output: Any, completion: Completion) -> tuple[float, ...] | None:
    """The logarithms of the probabilities of what was generated, the end token included."""
    if output.logprobs is None:
        return None
    rows = list(zip(output.token_ids, output.logprobs, strict=True))[: completion.tokens]
    return tuple(float(row[token].logprob) for token, row in rows)


def _pack_heads(model: torch.nn.Module) -> None:
    """Packs the output layer of a model on the CPU anew.

    Layers compute there with a packed copy of their weights. Reloading packs each layer that is
    given weights, and an output layer that shares those of the input is given none.
    """
    for layer in model.modules():
        if isinstance(layer, ParallelLMHead):
            layer.quant_method.process_weights_after_loading(layer)
