"""What a bundle says of itself is looked at before anything is written."""

import json
from typing import Any

import pytest

from dataenvgym_spec.core.errors import UserError
from dataenvgym_spec.store.bundle.checks import DENSEST, SMALL, check, check_listing
from dataenvgym_spec.store.bundle.manifest import FORMAT, parse

KEY = "0123456789abcdef" * 4
DIGEST = "ab" * 32


def content(**more: Any) -> dict[str, Any]:
    """The values of a manifest that is taken."""
    values: dict[str, Any] = {
        "format": FORMAT,
        "name": "tiny",
        "spec": "specs/tiny.yaml",
        "versions": {"dvc": "3"},
        "parts": ["results"],
        "files": [{"path": "specs/tiny.yaml", "bytes": 5, "sha256": DIGEST}],
        "stages": [{"directory": f"data-{KEY[:16]}", "key": KEY}],
        "experiments": [{"name": "tiny", "stages": [f"data-{KEY[:16]}"]}],
        "objects": [{"md5": "cd" * 16, "bytes": 7, "sha256": "ef" * 32}],
        "withheld": [],
        "journal": None,
        "absent": [],
    }
    return {**values, **more}


def looked_at(packed: int = 1000, **more: Any) -> None:
    check(parse(json.dumps(content(**more)).encode()), packed)


@pytest.mark.parametrize(
    "more",
    [
        {"name": "tiny\n"},
        {"experiments": [{"name": "tiny\n", "stages": []}]},
        {"experiments": [{"name": "tiny", "stages": [], "lock": {"cmd": "x"}}]},
    ],
)
def test_what_no_name_is_and_no_report_may_be_cannot_be_read(more: dict[str, Any]) -> None:
    with pytest.raises(UserError, match="cannot be read"):
        looked_at(**more)


def test_a_plain_one_is_taken() -> None:
    looked_at()


def file(path: str, **more: Any) -> dict[str, Any]:
    return {"path": path, "bytes": 5, "sha256": DIGEST, **more}


SPEC = file("specs/tiny.yaml")
STAGE = {"directory": f"data-{KEY[:16]}", "key": KEY}
WRONG: dict[str, tuple[dict[str, Any], str]] = {
    "a path outside": ({"files": [SPEC, file("../x")]}, "'../x' has '..'"),
    "a pipeline": ({"files": [SPEC, file("sub/dvc.yaml")]}, "git or DVC obeys"),
    "a result as a file": ({"files": [SPEC, file("store/x/dvc.lock")]}, "results"),
    "one path twice": ({"files": [SPEC, SPEC]}, "one place"),
    "two cases": ({"files": [SPEC, file("SPECS/tiny.yaml")]}, "one place"),
    "a file that is a folder": ({"files": [SPEC, file("specs")]}, "one place"),
    "no spec": ({"files": [file("specs/other.yaml")]}, "does not hold its spec"),
    "two sizes": ({"files": [SPEC, file("b", bytes=6)]}, "two sizes"),
    "a stage twice": ({"stages": [STAGE, STAGE]}, "twice"),
    "another key": ({"stages": [{**STAGE, "key": "f" * 64}], "experiments": []}, "key"),
    "an experiment twice": ({"experiments": [{"name": "a", "stages": []}] * 2}, "twice"),
    "an unknown stage": ({"experiments": [{"name": "a", "stages": ["x-" + "0" * 16]}]}, "stages"),
    "an unknown file of a stage": ({"stages": [{**STAGE, "files": {"a": "/etc/passwd"}}]}, "names"),
    "an object twice": ({"objects": content()["objects"] * 2}, "twice"),
}


@pytest.mark.parametrize("name", WRONG)
def test_what_none_may_say_is_refused(name: str) -> None:
    values, words = WRONG[name]
    with pytest.raises(UserError, match=words):
        looked_at(**values)


SHAPELESS: dict[str, dict[str, Any]] = {
    "a later format": {"format": FORMAT + 1},
    "no format": {"format": str(FORMAT)},
    "a format before all": {"format": 0},
    "an unknown key": {"run": "touch x"},
    "a name that is a path": {"name": "../tiny"},
    "a hash that is a path": {"objects": [{"md5": "../../x", "bytes": 1, "sha256": DIGEST}]},
    "a digest that is a path": {"files": [file("a", sha256="../../x")]},
    "a negative size": {"files": [file("a", bytes=-1)]},
    "a size beyond all": {"files": [file("a", bytes=1 << 60)]},
    "a directory that is a path": {"stages": [{"directory": "../x-0123456789abcdef", "key": KEY}]},
    "a time beyond all calendars": {
        "experiments": [
            {
                "name": "a",
                "stages": [],
                "declared": [
                    {"question": {"arm": "a", "against": "b"}, "commit": "0" * 40, "when": 1 << 60}
                ],
            }
        ]
    },
    "a part that is none": {"parts": ["secrets"]},
}


@pytest.mark.parametrize("name", SHAPELESS)
def test_what_is_of_another_shape_is_no_manifest(name: str) -> None:
    with pytest.raises(UserError, match=r"cannot be read|later release"):
        looked_at(**SHAPELESS[name])


def test_one_of_an_earlier_release_is_called_so() -> None:
    """It brings the lock of a report, which is no field any more: the reason is not that."""
    report = {"name": "tiny", "stages": [], "lock": {"cmd": "x", "deps": [], "outs": []}}
    with pytest.raises(UserError, match="is of format 1, which an earlier release") as raised:
        looked_at(format=1, experiments=[report])
    assert raised.value.help is not None and "have it made again" in raised.value.help


@pytest.mark.parametrize("text", [b"", b"{", b"[]", b"null", b"\xff", b"[" * 100_000, b'{"a":1}'])
def test_what_is_no_json_object_is_no_manifest(text: bytes) -> None:
    with pytest.raises(UserError, match="cannot be read"):
        parse(text)


def test_a_bomb_is_refused_by_what_it_says() -> None:
    most = DENSEST * 10_000_000
    assert most > SMALL
    looked_at(10_000_000, files=[file("specs/tiny.yaml", bytes=most - 7)])
    with pytest.raises(UserError, match="would unpack to"):
        looked_at(10_000_000, files=[file("specs/tiny.yaml", bytes=most + 1)])
    # Whatever a small one holds, it fits.
    looked_at(100, files=[file("specs/tiny.yaml", bytes=SMALL - 7)])


A, B = "aa" * 16, "bb" * 16


def listed(*rows: Any) -> bytes:
    return json.dumps(list(rows)).encode()


def test_a_plain_listing_is_taken() -> None:
    rows = [{"md5": A, "relpath": "x.json"}, {"md5": B, "relpath": "sub/y"}]
    check_listing("x.dir", listed(*rows), {A, B})
    check_listing("x.dir", listed(), ())


@pytest.mark.parametrize(
    "text",
    [
        listed({"md5": A, "relpath": "../../../home/x/.bashrc"}),
        listed({"md5": A, "relpath": "/etc/cron.d/x"}),
        listed({"md5": A, "relpath": "dvc.yaml"}),
        listed({"md5": A, "relpath": ".gitattributes"}),
        listed({"md5": A, "relpath": "x"}, {"md5": B, "relpath": "X"}),
        listed({"md5": A, "relpath": "x"}, {"md5": A, "relpath": "x/y"}),
        listed({"md5": "cc" * 16, "relpath": "x"}),
        listed({"md5": A + ".dir", "relpath": "x"}),
        listed({"md5": A, "relpath": "x", "more": 1}),
        listed({"md5": A}),
        listed({"md5": 1, "relpath": "x"}),
        listed("x"),
        b"{}",
        b"no",
        b"\xff\xfe",
        b"[" * 100_000,
    ],
)
def test_a_listing_that_leads_elsewhere_is_refused(text: bytes) -> None:
    with pytest.raises(UserError, match="refused"):
        check_listing("x.dir", text, {A, B, A + ".dir"})
