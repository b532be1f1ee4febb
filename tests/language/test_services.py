"""Where a service is and what opens it: of the environment, the spec and what is known, and what is missing."""

import re
from typing import Any

import pytest

from dataenvgym_spec.language.components import definition
from dataenvgym_spec.language.services import Service, service

OURS = "https://ours.example/v1"
KNOWN = "https://api.openai.com/v1"
AZURE = {"AZURE_OPENAI_ENDPOINT": OURS, "AZURE_OPENAI_API_KEY": "k"}


def found(environ: dict[str, str], kind: str = "openai", **options: Any) -> Service:
    made = service(definition("teacher", kind), {"provider": kind, **options}, environ)
    assert made is not None
    return made


@pytest.mark.parametrize(
    ("environ", "options", "address", "secret"),
    [
        ({"OPENAI_API_KEY": "k"}, {}, KNOWN, "OPENAI_API_KEY"),
        ({"MINE": "k"}, {"key_env": "MINE"}, KNOWN, "MINE"),
        ({"OPENAI_API_KEY": "k"}, {"address": KNOWN}, KNOWN, "OPENAI_API_KEY"),
        ({"DATAENVGYM_OPENAI_URL": f"{OURS}/", "OPENAI_API_KEY": "k"}, {}, OURS, "OPENAI_API_KEY"),
        ({"TOGETHER_API_KEY": "k"}, {"provider": "together"}, "https://api.together.xyz/v1", "TOGETHER_API_KEY"),
        ({}, {"provider": "my-lab", "address": OURS}, OURS, ""),
        ({"DATAENVGYM_MY_LAB_URL": OURS}, {"provider": "my-lab"}, OURS, ""),
        ({"DATAENVGYM_MY_LAB_URL": OURS}, {"provider": "my-lab", "address": KNOWN}, OURS, ""),
        ({"DATAENVGYM_MY_LAB_URL": OURS, "MINE": "k"}, {"provider": "my-lab", "address": OURS, "key_env": "MINE"}, OURS, "MINE"),
    ],
)  # fmt: skip
def test_a_service_that_can_be_used(
    environ: dict[str, str], options: dict[str, Any], address: str, secret: str
) -> None:
    made = found(environ, **options)
    assert (made.address, made.secret, made.faults) == (address, secret, ())


@pytest.mark.parametrize(
    ("environ", "options", "path", "words"),
    [
        ({}, {}, ("key_env",), "the variable OPENAI_API_KEY is not set"),
        ({"OPENAI_API_KEY": " \n"}, {}, ("key_env",), "the variable OPENAI_API_KEY is not set"),
        ({"OPENAI_API_KEY": "k"}, {"key_env": "MINE"}, ("key_env",), "the variable MINE is not set"),
        ({}, {"provider": "my-lab"}, ("provider",), "DATAENVGYM_MY_LAB_URL is not set"),
        ({"DATAENVGYM_MY_LAB_URL": "sk-planted"}, {"provider": "my-lab"}, ("provider",), "begins with no http://"),
        ({"DATAENVGYM_MY_LAB_URL": "http://ann:sk-planted@ours.example"}, {"provider": "my-lab"}, ("provider",), "holds a user or a password"),
        ({"DATAENVGYM_MY_LAB_URL": "http://[::1/sk-planted"}, {"provider": "my-lab"}, ("provider",), "cannot be read"),
        ({"DATAENVGYM_MY_LAB_URL": "http://ours.example:99999/sk-planted"}, {"provider": "my-lab"}, ("provider",), "cannot be read"),
        ({"DATAENVGYM_MY_LAB_URL": "http:///sk-planted"}, {"provider": "my-lab"}, ("provider",), "names no host"),
        ({"DATAENVGYM_MY_LAB_URL": "http://ours.example/v1?key=sk-planted"}, {"provider": "my-lab"}, ("provider",), "ends with a query"),
        ({"DATAENVGYM_MY_LAB_URL": "http://ours.example/sk-planted\nb"}, {"provider": "my-lab"}, ("provider",), "that no address has"),
        ({}, {"provider": "my-lab", "address": "http://ann:sk-planted@ours.example"}, ("address",), "in the spec holds a user"),
        ({"OPENAI_API_KEY": "sk-planted\nb"}, {}, ("key_env",), "cannot be sent: OPENAI_API_KEY holds a line break"),
        ({"OPENAI_API_KEY": "sk-plänted"}, {}, ("key_env",), "a letter that no key has"),
        ({"OPENAI_API_KEY": "k"}, {"address": OURS}, ("address",), f"the key in OPENAI_API_KEY would go to {OURS}"),
        ({"MINE": "k"}, {"provider": "my-lab", "address": OURS, "key_env": "MINE"}, ("address",), f"MINE would go to {OURS}"),
    ],
)  # fmt: skip
def test_what_is_missing_is_told_at_its_option(
    environ: dict[str, str], options: dict[str, Any], path: tuple[str, ...], words: str
) -> None:
    (fault,) = found(environ, **options).faults
    assert fault.path == path
    assert words in fault.message
    assert fault.help
    assert "sk-planted" not in fault.message + fault.help


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("URL", "http://ann:sk-planted@127.0.0.1", "_URL holds a user or a password"),
        ("URL", "http://[::1/sk-planted", "_URL has a host or a port that cannot be read"),
        ("KEY", "sk-planted\nb", "_KEY holds a line break"),
    ],
)
def test_what_is_asked_outside_is_looked_at_alike(name: str, value: str, words: str) -> None:
    """An address may end with a query there: nothing follows it."""
    said = {"DATAENVGYM_POLICY_MINE_URL": "http://127.0.0.1:9/act?key=sk-planted"}
    policy = definition("policy", "outside")
    good = service(policy, {"name": "mine"}, said)
    bad = service(policy, {"name": "mine"}, {**said, f"DATAENVGYM_POLICY_MINE_{name}": value})
    assert good is not None and good.faults == () and bad is not None
    (fault,) = bad.faults
    assert words in fault.message and "sk-planted" not in fault.message + fault.help


@pytest.mark.parametrize("address", ["http://ann:pw@a.example/v1", "http://a.example/v1?key=k"])
def test_a_spec_says_no_address_with_what_opens_it(address: str) -> None:
    for kind in ("openai", "azure"):
        pattern = definition("teacher", kind).schema["properties"]["address"]["pattern"]
        assert re.search(pattern, OURS) and not re.search(pattern, address)


def test_azure_has_variables_of_its_own() -> None:
    assert found(AZURE, "azure", key_env="AZURE_OPENAI_API_KEY").faults == ()
    (address, key) = found({}, "azure").faults
    assert "AZURE_OPENAI_ENDPOINT or DATAENVGYM_AZURE_URL is not set" in address.message
    assert "AZURE_OPENAI_API_KEY is not set" in key.message


def test_a_component_that_asks_no_service() -> None:
    assert service(definition("teacher", "procedural"), {"source": "a"}, {}) is None
