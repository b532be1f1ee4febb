"""A student's folder is data: what it brings to be run is not, and nobody is asked."""

import ast
import builtins
import json
from pathlib import Path
from typing import Any

import pytest

from dataenvgym_spec.core.errors import StageError
from dataenvgym_spec.gym.students import pretrained
from tests.support.repositories import PACKAGE
from tests.support.students import untrained, with_config

CODE = "open({mark!r}, 'w').close()\nfrom transformers import {names}\n"


@pytest.fixture(scope="module")
def student(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return untrained(tmp_path_factory.mktemp("student") / "student")


def foreign(student: Path, out: Path, **config: Any) -> Path:
    """A copy of a student that brings code, which leaves a mark when it runs."""
    with_config(student, out, **config)
    mark = str(out.parent / "it-ran")
    code = CODE.format(mark=mark, names="LlamaConfig as C, LlamaForCausalLM as M") + (
        "class MyConfig(C): model_type = 'mine'\nclass MyModel(M): config_class = MyConfig\n"
    )
    (out / "mine.py").write_text(code, encoding="utf-8")
    code = CODE.format(mark=mark, names="PreTrainedTokenizerFast as T")
    (out / "words.py").write_text(f"{code}class Words(T): pass\n", encoding="utf-8")
    return out


AUTO = {"AutoConfig": "mine.MyConfig", "AutoModelForCausalLM": "mine.MyModel"}


@pytest.fixture
def deaf(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(question: str = "") -> str:
        pytest.fail(f"somebody is asked: {question}")

    monkeypatch.setattr(builtins, "input", refuse)


@pytest.mark.usefixtures("deaf")
def test_code_that_a_model_needs_is_not_run_and_nobody_is_asked(
    student: Path, tmp_path: Path
) -> None:
    folder = foreign(student, tmp_path / "model", auto_map=AUTO, model_type="mine")
    for read in (
        lambda: pretrained.read_model(folder, dtype="float32"),
        lambda: pretrained.read_config(folder),
        lambda: pretrained.special_tokens(folder),
    ):
        with pytest.raises(StageError, match="needs code of its own, which is never run"):
            read()
    assert not (tmp_path / "it-ran").exists()


@pytest.mark.usefixtures("deaf")
def test_code_that_a_tokenizer_needs_is_not_run(student: Path, tmp_path: Path) -> None:
    folder = foreign(student, tmp_path / "model")
    path = folder / "tokenizer_config.json"
    config = json.loads(path.read_text(encoding="utf-8"))
    config |= {"tokenizer_class": "Words", "auto_map": {"AutoTokenizer": [None, "words.Words"]}}
    path.write_text(json.dumps(config), encoding="utf-8")
    try:
        tokens = pretrained.read_tokenizer(folder)("1 + 1 =").input_ids
    except StageError as error:
        assert "never run" in error.message
    else:  # read by a class of transformers' own
        assert tokens
    assert not (tmp_path / "it-ran").exists()


@pytest.mark.usefixtures("deaf")
def test_a_model_that_transformers_has_needs_no_code_of_its_own(
    student: Path, tmp_path: Path
) -> None:
    folder = foreign(student, tmp_path / "model", auto_map=AUTO)
    model = pretrained.read_model(folder, dtype="float32")
    assert type(model).__module__.startswith("transformers.")
    assert not (tmp_path / "it-ran").exists()


def test_every_reader_of_foreign_files_says_that_no_code_is_run() -> None:
    """A new call of one of these in the package must say so too."""
    asking = {"LLM"}
    silent = []
    for path in sorted(PACKAGE.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Attribute) and node.attr == "from_pretrained":
                owner = ast.unparse(node.value)
                if owner.startswith("Auto") and path.name != "pretrained.py":
                    silent.append(f"{path.name}: {owner}")
            if isinstance(node, ast.Call) and ast.unparse(node.func) in asking:
                said = {keyword.arg: ast.unparse(keyword.value) for keyword in node.keywords}
                if said.get("trust_remote_code") != "False":
                    silent.append(f"{path.name}: {ast.unparse(node.func)}")
    assert not silent
