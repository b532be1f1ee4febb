"""Which paths a bundle may bring."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dataenvgym_spec.store.bundle.names import clash, fault, own_fault


@pytest.mark.parametrize(
    "path",
    [
        "specs/first.yaml",
        "specs/prompts/first.j2",
        "data/x y.jsonl",
        "data/ümlaut.csv",
        "models/mine/model-00001-of-00002.safetensors",
        "prices.yaml",
        "specs/mlflow.db.csv",
        "consul/auxiliary.txt",
        "a_b-c.(1).txt",
    ],
)
def test_plain_names_are_taken(path: str) -> None:
    assert own_fault(path) == ""


@pytest.mark.parametrize(
    "path",
    [
        "",
        "/etc/passwd",
        "//server/share",
        "../up",
        "a/../../up",
        "a/./b",
        "a//b",
        "a/",
        "C:/x",
        "c:x",
        "a\\b",
        "..\\up",
        "file.txt:stream",
        "CON",
        "a/nul.txt",
        "com1",
        "Lpt9.log",
        "COM¹",
        "trailing.",
        "trailing ",
        "a\nb",
        "a\0b",
        "a\u202eb",
        "a\ud800b",
        "${HOME}/x",
        ".git/config",
        ".GIT/config",
        "a/.gitattributes",
        ".dvc/config",
        ".envrc",
        "~root/x",
        "-rf",
        "dvc.yaml",
        "sub/DVC.yaml",
        "sub/dvc.lock",
        "data.csv.dvc",
        "HEAD",
        "data/head",
        "GIT~1/config",
        "x" * 300,
        "a/" * 40 + "b",
        "x/" * 490 + "y" * 100,
        "what?",
        "a*",
        "a|b",
    ],
)
def test_others_are_not(path: str) -> None:
    assert fault(path)


@pytest.mark.parametrize(
    ("path", "why"),
    [
        ("store/x", "results"),
        ("Store/x", "results"),
        ("experiments/a.json", "results"),
        ("reports/x/index.html", "results"),
        ("mlflow.db", "whoever opens it"),
        ("MLflow.db-wal", "whoever opens it"),
        ("hardware.yaml", "whoever opens it"),
    ],
)
def test_a_study_has_no_file_where_results_and_settings_are(path: str, why: str) -> None:
    assert why in own_fault(path)
    assert not fault(path)


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("a", "a"),
        ("specs/a.yaml", "Specs/b.yaml"),
        ("a/b", "A/B"),
        ("a", "a/b"),
        ("a/b/c", "a"),
        ("Straße", "STRASSE"),
        ("é", "e\u0301"),
        ("ﬁle", "file"),
    ],
)
def test_two_that_are_one_place_somewhere_clash(first: str, second: str) -> None:
    assert clash([first, "other", second])
    assert clash([second, "other", first])


def test_others_do_not_clash() -> None:
    assert clash(["a/b", "a/c", "ab", "b/a/b", "a-b/c"]) is None


@given(st.text(max_size=40))
def test_what_is_taken_stays_inside_of_a_folder(path: str) -> None:
    if not fault(path):
        parts = path.split("/")
        assert not {"", ".", ".."} & set(parts)
        assert "\\" not in path and ":" not in path and path.isprintable()
