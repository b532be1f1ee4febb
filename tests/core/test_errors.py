"""Suggestions: what is suggested, and how much is compared for it."""

import difflib
import random
import string

from dataenvgym_spec.core import errors
from dataenvgym_spec.core.errors import suggest
from dataenvgym_spec.language.schema import experiment_schema


def allowed_somewhere() -> list[list[str]]:
    """The keys of every mapping and the values of every choice that the schema knows."""
    groups: set[tuple[str, ...]] = set()
    todo: list[object] = [experiment_schema()]
    while todo:
        part = todo.pop()
        if isinstance(part, list):
            todo += part
        if isinstance(part, dict):
            todo += part.values()
            names = part.get("properties"), part.get("enum")
            groups |= {tuple(sorted(map(str, group))) for group in names if group}
    return sorted(map(list, groups))


def misspelt(word: str, rng: random.Random) -> str:
    at = rng.randrange(len(word))
    letter = rng.choice(string.ascii_lowercase)
    left_out, added = word[:at] + word[at + 1 :], word[:at] + letter + word[at:]
    other, swapped = (
        word[:at] + letter + word[at + 1 :],
        word[:at] + word[at:][1::-1] + word[at + 2 :],
    )
    return rng.choice([left_out, added, other, swapped])


def test_a_misspelt_name_is_answered_as_the_standard_library_would() -> None:
    rng = random.Random(0)
    for names in allowed_somewhere():
        for name in names:
            word = misspelt(name, rng)
            close = difflib.get_close_matches(word, names, n=1, cutoff=0.6)
            # Where it finds none, since it compares from one side, ours may find one all the same.
            if close:
                assert suggest(word, names) == f"did you mean '{close[0]}'?", (word, names)


def test_what_is_far_from_every_name_lists_the_names() -> None:
    assert suggest("xyz", ["b", "a", "b"]) == "allowed here: a, b"
    assert suggest("xyz", []) == "nothing is allowed here"
    many = [f"name-{number:03}" for number in range(41)]
    assert suggest("xyz", many) == f"allowed here: {', '.join(many[:40])}, ..."
    assert suggest("xyz", many[:40]) == f"allowed here: {', '.join(many[:40])}"


def test_of_equally_close_names_the_last_is_suggested() -> None:
    """The choice that `difflib.get_close_matches` makes."""
    assert suggest("aax", ["aab", "aac"]) == "did you mean 'aac'?"
    assert difflib.get_close_matches("aax", ["aab", "aac"], n=1) == ["aac"]


def test_a_word_is_compared_once_with_the_same_names() -> None:
    """Every arm and every point of a matrix repeats the mistakes that it inherits."""
    errors._closest.cache_clear()
    for _ in range(50):
        suggest("iteration", ["iterations", "teach"])
    assert errors._closest.cache_info().misses == 1


def test_of_a_long_word_only_the_beginning_is_compared() -> None:
    beginning = "x" * errors.LONGEST_COMPARED
    assert suggest(beginning + "y" * 100_000, [beginning]) == f"did you mean '{beginning}'?"
