"""A teacher that is deployed on Azure OpenAI."""

from __future__ import annotations

from typing import ClassVar
from urllib.parse import quote, urlencode

from dataenvgym_spec.gym.teachers.refusals import Target
from dataenvgym_spec.gym.teachers.remote import RemoteTeacher
from dataenvgym_spec.language.addresses import shown
from dataenvgym_spec.language.services import Service


class AzureTeacher(RemoteTeacher):
    """See `RemoteTeacher`. The deployment is in the address, and the key in a header of its own."""

    kind: ClassVar[str] = "azure"

    def _target(self, found: Service, key: str) -> Target:
        deployment = quote(self.settings.model, safe="")
        query = urlencode({"api-version": self.settings.api_version})
        url = f"{found.address}/openai/deployments/{deployment}/chat/completions?{query}"
        return Target(
            name=f"'{self.settings.model}' at {shown(found.address)}",
            base=found.address,
            url=url,
            headers={"api-key": key},
            key=key,
            secret=found.secret,
        )
