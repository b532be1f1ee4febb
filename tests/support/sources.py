"""Sources of problems, and the lanes of the splits that are drawn from them."""

LANES = {"test": [0.0, 0.1], "selection": [0.1, 0.15], "feedback": [0.15, 0.25]}
FAMILIES = {
    "sum": {
        "dataset": "chain_sum",
        "config": {"min_terms": 2, "max_terms": 2, "min_digits": 1, "max_digits": 2},
    },
    "gcd": {"dataset": "gcd", "config": {"min_numbers": 2, "max_numbers": 2, "max_value": 60}},
}
