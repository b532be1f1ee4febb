"""The prompts of a stage, as its parameters say."""

from __future__ import annotations

from dataenvgym_spec.graph.params import EvaluateParams, TrainParams
from dataenvgym_spec.gym.prompt import Prompts


def prompts_of(params: EvaluateParams | TrainParams) -> Prompts:
    """The prompts that a student is asked, in training and in evaluation."""
    chat = params.chat
    if chat is None:
        return Prompts(params.template)
    system, thinking = chat.system or "", chat.thinking
    return Prompts(params.template, chat=True, system=system, thinking=thinking)
