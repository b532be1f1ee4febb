"""Does the image agree with the answer, by a judge who sees it or by what was drawn?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from dataenvgym_spec.core.errors import StageError
from dataenvgym_spec.gym.answers import exactly
from dataenvgym_spec.gym.checks.protocol import Sight
from dataenvgym_spec.gym.prompt import Message, TextTemplate
from dataenvgym_spec.gym.showing import image_of
from dataenvgym_spec.gym.solving import read_object
from dataenvgym_spec.gym.tasks.scenes import answer_to, read
from dataenvgym_spec.gym.tasks.scorers.answers import normalised
from dataenvgym_spec.gym.teachers.protocol import Ask, Teacher
from dataenvgym_spec.records.examples import Example

SHAPE: Final = exactly({"agrees": {"type": "boolean"}})


class ImageAgrees:
    """Objects to an example whose image does not show its answer.

    With a teacher, which is shown image, question and answer, that is what the teacher says.
    Without one the description of a drawn scene answers the question.
    """

    def __init__(self, *, prompt: str, teacher: Teacher | None = None) -> None:
        self.teacher, self.template = teacher, TextTemplate(prompt)
        self._coming: list[Example] = []
        self._said: dict[str, str | None] = {}

    def coming(self, examples: Sequence[Example], wanted: Mapping[str, int]) -> None:
        """Notes the candidates that are asked about at once: as many as are wanted."""
        left = dict(wanted)
        for example in examples:
            if left.get(example.asked_by, 0) > 0:
                left[example.asked_by] -= 1
                self._coming.append(example)

    def objections(self, examples: Sequence[Example], sight: Sight) -> list[str | None]:
        """Why each candidate should not be taught, or None."""
        if self.teacher is None:
            return [_by_truth(example) for example in examples]
        return [self._by_judge(example, self.teacher, sight) for example in examples]

    def _by_judge(self, example: Example, teacher: Teacher, sight: Sight) -> str | None:
        name = _name(example)
        if name not in self._said:
            together = {_name(one): one for one in (example, *self._coming)}
            asks = [self._ask(key, one, sight) for key, one in together.items()]
            self._coming = []
            for reply in teacher.answer(asks):
                agrees = read_object(reply).get("agrees")
                said = None if agrees is True else "a teacher who sees the image does not agree"
                if not isinstance(agrees, bool):
                    said = "no answer of the teacher who sees the image could be used"
                self._said[reply.ask] = said
        return self._said[name]

    def _ask(self, name: str, example: Example, sight: Sight) -> Ask:
        prompt = self.template.render(input=example.input, target=example.target)
        if sight.file is None:
            raise StageError(
                "a candidate has an image, and nobody says where its file is",
                help="leave the check 'image-agrees' out",
            )
        shown = tuple(image_of(sight.file(picture), picture.media) for picture in example.images)
        message = Message(role="user", content=prompt, images=shown)
        return Ask(id=name, messages=(message,), shape=SHAPE)


def _name(example: Example) -> str:
    """What tells a candidate apart: one question may have two answers."""
    return f"{example.id}/{example.target}"


def _by_truth(example: Example) -> str | None:
    scene = read(str(example.verifier.get("image", "")))
    if scene is None:
        return "its image is no drawn scene"
    answer = answer_to(example.input, scene)
    if answer is None:
        return "what its image shows does not answer the question"
    if normalised(answer) != normalised(example.target):
        return f"its image says '{answer}'"
    return None
