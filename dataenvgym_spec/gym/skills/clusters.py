"""Skills as clusters of questions that are alike."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final, Literal

import numpy as np
from sklearn.cluster import AgglomerativeClustering, KMeans
from sklearn.metrics import silhouette_score

from dataenvgym_spec.core.errors import StageError
from dataenvgym_spec.gym.skills.protocol import Discovered
from dataenvgym_spec.gym.skills.words import characteristic, weighed, weights
from dataenvgym_spec.records.items import Item

VOCABULARY: Final = 2000
"""Words that questions are compared by, at most."""
SAMPLED: Final = 2000
"""Items that a silhouette is measured on, at most."""
DESCRIBED: Final = 10
"""Words in the description of a cluster."""
DIGITS: Final = 6
"""Of the numbers that the second step is handed."""
REMEDY: Final = "draw more of them, or ask for fewer clusters"
Vectors = Any
"""A row of length 1 for each text."""


class Clusters:
    """Clusters of the questions of shown items; others belong to the nearest centre."""

    def __init__(
        self,
        *,
        method: Literal["k-means", "agglomerative"],
        fewest: int,
        largest: int,
        name_words: int,
        count: int | None = None,
        embedder: Path | None = None,
    ) -> None:
        self.bounds = (fewest, largest) if count is None else (count, count)
        self.method, self.embedder, self.name_words = method, embedder, name_words

    def discover(self, items: Sequence[Item]) -> Discovered:
        """The clusters, by name."""
        texts = [item.input for item in items]
        if len(texts) <= self.bounds[0]:
            message = f"{len(texts)} items cannot make {self.bounds[0]} clusters"
            raise StageError(message, help=REMEDY)
        idf = {} if self.embedder is not None else weights(texts, most=VOCABULARY)
        vectors = self._vectors(texts, idf)
        made = self._clustered(vectors)
        labels = [str(label) for label in made]
        names, descriptions = self._named(labels, texts)
        ordered = sorted(names, key=int)
        means = [vectors[made == int(label)].mean(axis=0) for label in ordered]
        centres = [np.round(mean, DIGITS).tolist() for mean in means]
        return Discovered(
            skills=tuple(names[label] for label in ordered),
            items={item.id: names[label] for item, label in zip(items, labels, strict=True)},
            descriptions=descriptions,
            memory={"idf": idf, "centres": centres},
        )

    def assign(self, item: Item, skills: Discovered) -> str:
        """The cluster with the nearest centre."""
        memory = skills.memory or {}
        (vector,) = self._vectors([item.input], memory["idf"])
        distances = np.linalg.norm(np.array(memory["centres"]) - vector, axis=1)
        return skills.skills[int(distances.argmin())]

    def _vectors(self, texts: Sequence[str], idf: dict[str, float]) -> Vectors:
        if self.embedder is not None:
            from dataenvgym_spec.gym.skills.embedding import embedded

            return embedded(self.embedder, texts)
        rows = np.zeros((len(texts), len(idf)))
        place = {word: number for number, word in enumerate(idf)}
        for row, text in zip(rows, texts, strict=True):
            for word, value in weighed(text, idf).items():
                row[place[word]] = value
        return rows

    def _clustered(self, vectors: Vectors) -> Vectors:
        """The number of the cluster of each vector.

        It is the clustering of the largest silhouette among the numbers of clusters that may be.
        """
        low, high = self.bounds
        distinct = len(np.unique(np.round(vectors, DIGITS), axis=0))
        if distinct < low:
            message = f"the items have {distinct} different questions, too few for {low} clusters"
            raise StageError(message, help=REMEDY)
        best, found = -2.0, None
        most = min(high, distinct, len(vectors) - 1)
        for number in range(low, max(low, most) + 1):
            made = self._divided(vectors, number)
            if low == high:
                return made
            size = min(SAMPLED, len(vectors))
            score = silhouette_score(vectors, made, sample_size=size, random_state=0)
            if score > best:
                best, found = score, made
        return found

    def _divided(self, vectors: Vectors, number: int) -> Vectors:
        """The number of the cluster of each vector, of so many clusters."""
        if self.method == "agglomerative":
            # Ward's: the two clusters are joined whose joining adds least to the squared distances
            # from their centres, which is also what items are assigned by.
            return AgglomerativeClustering(n_clusters=number).fit(vectors).labels_
        return KMeans(n_clusters=number, n_init=10, random_state=0).fit(vectors).labels_

    def _named(
        self, labels: Sequence[str], texts: Sequence[str]
    ) -> tuple[dict[str, str], dict[str, str]]:
        """Names of clusters by their labels, and descriptions by names."""
        groups: dict[str, list[str]] = {label: [] for label in sorted({*labels}, key=int)}
        for label, text in zip(labels, texts, strict=True):
            groups[label].append(text)
        names: dict[str, str] = {}
        descriptions = {}
        for label, words in characteristic(groups, DESCRIBED).items():
            name = " ".join(words[: self.name_words]) or "cluster"
            taken = sum(other == name or other.startswith(f"{name} (") for other in names.values())
            names[label] = f"{name} ({taken + 1})" if taken else name
            if words:
                descriptions[names[label]] = f"questions about: {', '.join(words)}"
        return names, descriptions
