"""What has been accepted so far: the questions by their ids, which are held on disk."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from dataenvgym_spec.core.spool import Spool


class Taken(Mapping[str, str]):
    """Questions by id, in the order in which they came; the memory holds their ids alone.

    Examples:
        >>> taken = Taken({"a": "1 + 1"})
        >>> taken.add("b", "1 + 2")
        >>> "b" in taken, taken["b"], list(taken)
        (True, '1 + 2', ['a', 'b'])
    """

    def __init__(self, earlier: Mapping[str, str] | None = None) -> None:
        """Args: what was accepted before; it is looked up there, and does not change."""
        self._earlier = earlier or {}
        self._places: dict[str, int] = {}
        self._questions = Spool()

    def add(self, id: str, question: str) -> None:
        """Takes a question in; of one id the latest counts."""
        # A half of a surrogate pair, which JSON can hold, is kept as it is.
        self._places[id] = self._questions.append(question.encode("utf-8", "surrogatepass"))

    def __getitem__(self, id: str) -> str:
        if id not in self._places:
            return self._earlier[id]
        return self._questions[self._places[id]].decode("utf-8", "surrogatepass")

    def __contains__(self, id: object) -> bool:
        return id in self._places or id in self._earlier

    def __iter__(self) -> Iterator[str]:
        yield from self._earlier
        yield from (id for id in self._places if id not in self._earlier)

    def __len__(self) -> int:
        again = sum(id in self._earlier for id in self._places) if self._earlier else 0
        return len(self._earlier) + len(self._places) - again
