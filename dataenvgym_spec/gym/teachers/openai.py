"""A teacher behind any address that speaks OpenAI's chat completions."""

from __future__ import annotations

from typing import ClassVar

from dataenvgym_spec.gym.teachers.refusals import Target
from dataenvgym_spec.gym.teachers.remote import RemoteTeacher
from dataenvgym_spec.language.addresses import shown
from dataenvgym_spec.language.services import Service


class OpenAITeacher(RemoteTeacher):
    """See `RemoteTeacher`. The key, if there is one, is a bearer token."""

    kind: ClassVar[str] = "openai"

    def _target(self, found: Service, key: str) -> Target:
        headers = {"Authorization": f"Bearer {key}"} if key else {}
        return Target(
            name=f"'{self.settings.model}' at {shown(found.address)}",
            base=found.address,
            url=f"{found.address}/chat/completions",
            headers=headers,
            key=key,
            secret=found.secret,
        )
