"""The key of a stage: the hash of what it does.

Its kind and the kind's `semantics`, its parameters, and the keys and ports that it reads enter.
Where it stands, who asked for it and where files lie do not.
"""

from __future__ import annotations

from collections.abc import Iterable

from dataenvgym_spec.core.hashing import canonical, digest_canonical
from dataenvgym_spec.graph.ir import Input, Stage


def stage_key(stage: Stage) -> str:
    """The key of a stage whose inputs are named by key.

    It is the digest of its `identity`, 64 hex digits.
    """
    return key_of(stage, canonical(stage.plain), stage.inputs)


def key_of(stage: Stage, params: str, inputs: Iterable[Input]) -> str:
    """The key from parts that are canonical JSON already.

    Args:
        stage: for its kind.
        params: its parameters in canonical form; stages of a loop share theirs.
        inputs: what it reads, by key.
    """
    reads = ",".join(f'["{item.slot}","{item.stage}","{item.port}"]' for item in inputs)
    semantics = stage.declaration.semantics
    parts = f'"inputs":[{reads}],"kind":"{stage.kind}","params":{params},"semantics":{semantics}'
    return digest_canonical("stage", f"{{{parts}}}")


def identity(stage: Stage) -> dict[str, object]:
    """What the key is the hash of."""
    return {
        "kind": stage.kind,
        "semantics": stage.declaration.semantics,
        "params": stage.plain,
        "inputs": [[item.slot, item.stage, item.port] for item in stage.inputs],
    }
