"""The remote service of a component: its address and what it asks for, by options and environment.

A spec names a provider. Where that is, and what opens it, is known of the component (`x-services`),
said by the user's environment, or by the spec itself (`x-address`, `x-key`). Where the user decides
alone what a name means, an address or a command (`x-command`), no spec can say it. Reads no
environment.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from dataenvgym_spec.language.addresses import unfit_address, unfit_key
from dataenvgym_spec.language.declared import Definition, OptionPath
from dataenvgym_spec.language.options import at

VARIABLE: Final = "DATAENVGYM_{}_URL"
"""In which a user says where a provider is."""
COMMAND: Final = "DATAENVGYM_{}_COMMAND"
"""In which a user says by which command a component outside is asked."""
KEY: Final = "DATAENVGYM_{}_KEY"
"""In which a user says what opens the address of a component outside, if anything does."""
MARKS: Final = ("x-services", "x-address", "x-key")


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """What is missing to use a service: the option it is about, the reason and the remedy."""

    path: OptionPath
    message: str
    help: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Service:
    """A service as this environment reaches it.

    Attributes:
        provider: its name.
        address: where it is; empty if nobody says so.
        secret: the variable that holds its key; empty if it asks for none.
        command: that is run to ask it; empty if it has an address.
        faults: why it cannot be used.
    """

    provider: str
    address: str
    secret: str
    faults: tuple[Fault, ...]
    command: str = ""


def service(
    item: Definition, options: Mapping[str, Any], environ: Mapping[str, str]
) -> Service | None:
    """The service that a component asks; None of a component that asks none.

    What the environment says of an address goes before what the spec says.

    Args:
        item: its definition.
        options: its options.
        environ: the environment.
    """
    naming, addressed, opened = (_place(item, word) for word in MARKS)
    if not naming:
        return None
    if _place(item, "x-command"):
        return _outside(item, naming, str(at(options, naming)), environ)
    known: Mapping[str, Mapping[str, str]] = item.marked("x-services")[naming]
    provider = str(at(options, naming))
    usual = known.get(provider, {})
    variable = VARIABLE.format(provider.upper().replace("-", "_"))
    here = _said(environ, variable) or _said(environ, usual.get("variable", ""))
    stated = at(options, addressed) or ""
    secret = at(options, opened) or usual.get("key", "")
    faults = []
    if not (here or stated or usual.get("url")):
        ways = " or ".join(filter(None, (usual.get("variable"), variable)))
        message = f"the address of '{provider}' is not known: {ways} is not set"
        help = f"export {variable}=https://...   (or say it in the spec)"
        faults.append(Fault(path=naming, message=message, help=help))
    used, place, where = (here, naming, "environment") if here else (stated, addressed, "spec")
    unfit = unfit_address(used) if used else ""
    if unfit:
        message = f"the address of '{provider}' in the {where} {unfit}"
        faults.append(Fault(path=place, message=message, help=f"export {variable}=https://..."))
    faults += _of_key(secret, f"the key of '{provider}'", opened, environ)
    if secret and not here and not unfit and stated not in ("", usual.get("url")):
        # A spec may be a stranger's: where a key goes is for its owner to say.
        message = f"the key in {secret} would go to {stated}, which only the spec says"
        help = f"if you trust it: export {variable}={stated}   (or name another provider)"
        faults.append(Fault(path=addressed, message=message, help=help))
    address = (here or stated or usual.get("url", "")).rstrip("/")
    return Service(provider=provider, address=address, secret=secret, faults=tuple(faults))


def _outside(item: Definition, path: OptionPath, name: str, environ: Mapping[str, str]) -> Service:
    """What a user says of a component outside: its address or its command, and nothing else."""
    # With its slot: a name that a spec gives a policy is not that of a teacher's provider.
    upper = f"{item.slot}_{name}".upper().replace("-", "_")
    variable, program, key = (text.format(upper) for text in (VARIABLE, COMMAND, KEY))
    address, command = _said(environ, variable), _said(environ, program)
    help = f"export {program}='python3 /path/of/it.py'   (or {variable}=http://...)"
    message, unfit = "", unfit_address(address, begins=False) if address else ""
    if not (address or command):
        message = f"'{name}' is not allowed here: neither {program} nor {variable} is set"
    elif address and command:
        message = f"both {program} and {variable} are set"
    elif unfit:
        message = f"the address in {variable} {unfit}"
    faults = [Fault(path=path, message=message, help=help)] if message else []
    secret = key if _said(environ, key) else ""
    faults += _of_key(secret, f"the key of '{name}'", path, environ)
    return Service(
        provider=name, address=address, secret=secret, faults=tuple(faults), command=command
    )


def _of_key(
    secret: str, what: str, path: OptionPath, environ: Mapping[str, str]
) -> Iterator[Fault]:
    """What is wrong with a key, if one is asked for."""
    held = _said(environ, secret)
    if secret and not held:
        message = f"{what} is missing: the variable {secret} is not set"
        yield Fault(path=path, message=message, help=f"export {secret}=KEY")
    elif secret and unfit_key(held):
        message = f"{what} cannot be sent: {secret} {unfit_key(held)}"
        yield Fault(path=path, message=message, help=f"export {secret}=KEY   (the key alone)")


def _place(item: Definition, keyword: str) -> OptionPath:
    return next(iter(item.marked(keyword)), ())


def _said(environ: Mapping[str, str], name: str) -> str:
    return environ.get(name, "").strip()
