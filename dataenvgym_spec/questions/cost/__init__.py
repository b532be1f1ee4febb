"""What an experiment costs: estimates from past stages, prices, limits, and what was spent."""
