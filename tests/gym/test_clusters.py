"""Skills as clusters, by words and by a model."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from dataenvgym_spec.core.errors import StageError
from dataenvgym_spec.gym.skills import embedding
from dataenvgym_spec.gym.skills.clusters import Clusters
from dataenvgym_spec.gym.skills.words import characteristic, tokens, weighed, weights
from dataenvgym_spec.records.items import Item
from tests.support.golden import assert_golden, items

DEFAULTS = {"method": "k-means", "fewest": 2, "largest": 20, "name_words": 3}
TOPICS = {
    "fruit": "How many {} apples and pears does the farmer pick from the orchard?",
    "train": "A train leaves the station at {} miles an hour; when does it arrive?",
    "card": "What is the probability of drawing {} red cards from a deck?",
}


def questions(each: int = 8) -> list[Item]:
    return [
        Item(id=f"{topic}-{number}", input=text.format(number), target="", group=topic, cluster="")
        for topic, text in TOPICS.items()
        for number in range(each)
    ]


def clusters(**options: Any) -> Clusters:
    return Clusters(**{**DEFAULTS, **options})


def test_the_number_of_clusters_is_found_and_each_has_a_name_of_its_words() -> None:
    varied = questions()
    found = clusters().discover(varied)
    assert len(found.skills) == 3
    by_group = {item.group: found.items[item.id] for item in varied}
    assert len({*by_group.values()}) == 3
    assert all(found.items[item.id] == by_group[item.group] for item in varied)
    assert "apples" in by_group["fruit"] and "train" in found.descriptions[by_group["train"]]


def test_agglomerative_clusters_are_those_of_a_tree() -> None:
    asked = questions()
    made = clusters(method="agglomerative")
    found = made.discover(asked)
    by_group = {item.group: found.items[item.id] for item in asked}
    assert len(found.skills) == len({*by_group.values()}) == 3
    assert all(made.assign(item, found) == found.items[item.id] for item in asked)
    two = clusters(method="agglomerative", count=2).discover(asked)
    # The tree has one root: two clusters are those three, two of them joined.
    assert len({(three, two.items[id]) for id, three in found.items.items()}) == 3
    assert found.descriptions == clusters(count=3).discover(asked).descriptions


def test_others_belong_to_the_nearest_centre_and_all_is_made_of_shown_items() -> None:
    made = clusters(count=3)
    shown = questions()
    found = made.discover(shown)
    by_group = {item.group: found.items[item.id] for item in shown}
    later = Item(
        id="x",
        input="Two trains arrive at a station: a locomotive",
        target="",
        group="",
        cluster="",
    )
    assert made.assign(later, found) == by_group["train"]
    assert "locomotive" not in found.memory["idf"]
    assert all(made.assign(item, found) == found.items[item.id] for item in shown)
    assert_golden(
        "discovery",
        "clusters",
        dict.fromkeys((1, 2), "ee97b4b9b5c479ce"),  # beside it, the groups of skills are written
        [found.skills, found.items, found.descriptions],
    )


def test_the_order_of_items_makes_no_difference_to_the_words_nor_does_a_second_run() -> None:
    one, other = clusters(count=3).discover(questions()), clusters(count=3).discover(questions())
    assert one == other
    turned = clusters(count=3).discover(questions()[::-1])
    assert {*turned.skills} == {*one.skills} and turned.memory["idf"] == one.memory["idf"]


def test_clusters_without_words_have_names_that_differ() -> None:
    asked = [
        Item(id=str(n), input=text, target="", group="", cluster="")
        for n, text in enumerate(("1 + 1", "2 + 2", "3 * 3", "4 * 4", "5 - 5", "6 - 6"))
    ]
    found = clusters(count=3).discover(asked)
    assert found.skills == ("cluster", "cluster (2)", "cluster (3)")


@pytest.mark.parametrize(
    ("amount", "said"), [(3, "3 items cannot make 4"), (9, "different questions")]
)
def test_too_few_items_are_told(amount: int, said: str) -> None:
    same = [
        Item(id=str(n), input=f"What is {n}?", target="", group="", cluster="")
        for n in range(amount)
    ]
    with pytest.raises(StageError, match=said):
        clusters(count=4).discover(same)


def test_words_are_weighed_as_the_formulas_say() -> None:
    assert tokens("Don't add 12 + x2!") == ["don", "'", "t", "add", "0", "+", "x", "0", "!"]
    idf = weights(["a b", "a c", "a a"], most=2)
    assert idf == {"a": pytest.approx(1.0), "b": pytest.approx(np.log(4 / 2) + 1)}
    vector = weighed("a b b z", idf)
    assert sum(value * value for value in vector.values()) == pytest.approx(1)
    assert vector["b"] / vector["a"] == pytest.approx(2 * idf["b"])
    assert weighed("z", idf) == {}
    # Shares 1/2 each; `pear` is as frequent there as here, `plum` is not.
    found = characteristic({"one": ["plum pear"], "two": ["pear pear"], "none": ["1 +"]}, 5)
    assert found == {"one": ["plum", "pear"], "two": ["pear"], "none": []}


def test_the_number_of_clusters_stays_within_its_bounds() -> None:
    assert len(clusters(largest=2).discover(questions()).skills) == 2
    assert len(clusters(fewest=2, largest=9).discover(questions()[:9]).skills) == 2


@pytest.fixture(scope="module")
def embedder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model of a few thousand parameters, without any training."""
    import torch
    from tokenizers import Tokenizer, models, pre_tokenizers
    from transformers import BertConfig, BertModel, PreTrainedTokenizerFast

    folder = tmp_path_factory.mktemp("embedder")
    words = sorted({word for item in questions() for word in tokens(item.input)})
    vocabulary = {word: number for number, word in enumerate(["[PAD]", "[UNK]", *words])}
    tokenizer = Tokenizer(models.WordLevel(vocabulary, unk_token="[UNK]"))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    fast = PreTrainedTokenizerFast(tokenizer_object=tokenizer, unk_token="[UNK]", pad_token="[PAD]")
    fast.save_pretrained(folder)
    torch.manual_seed(0)
    config = BertConfig(vocab_size=len(vocabulary), hidden_size=16, num_hidden_layers=1, num_attention_heads=2, intermediate_size=16, max_position_embeddings=32, pad_token_id=0)  # fmt: skip
    BertModel(config).save_pretrained(folder)
    return folder


@pytest.mark.slow
def test_a_model_tells_questions_apart_in_batches_and_alone(embedder: Path) -> None:
    made = clusters(count=3, embedder=embedder)
    shown = questions(12)
    found = made.discover(shown)
    groups = {item.group: found.items[item.id] for item in shown}
    assert len({*groups.values()}) == 3
    assert all(made.assign(item, found) == found.items[item.id] for item in shown[::5])
    texts = [item.input for item in shown]
    together = embedding.embedded(embedder, texts)
    assert together.shape == (36, 16)
    assert np.linalg.norm(together, axis=1) == pytest.approx(np.ones(36))
    alone = np.concatenate([embedding.embedded(embedder, [text]) for text in texts[:4]])
    assert alone == pytest.approx(together[:4], abs=1e-5)
    embedding.embedded(embedder, ["word " * 100, ""])  # too long, and nothing at all


def test_the_questions_of_the_tests_are_told_apart() -> None:
    found = clusters(count=2).discover(items())
    pairs = {(item.group, found.items[item.id]) for item in items()}
    assert len(pairs) == 2
