import json

from dataenvgym_spec.resolve.defaults import with_defaults


def test_defaults_are_filled_in_at_every_depth() -> None:
    options = {
        "kind": "scratch",
        "pretrain": {
            "source": "s",
            "examples": {"a": 1},
            "length": {"steps": 1},
            "learning_rate": 1,
            "batch_size": 1,
        },
    }
    filled = with_defaults("model", options)
    assert filled["hidden_size"] == 128
    assert filled["pretrain"]["weight_decay"] == 0.01
    assert isinstance(filled["pretrain"]["learning_rate"], float)
    assert json.dumps(with_defaults("model", filled)) == json.dumps(filled)
