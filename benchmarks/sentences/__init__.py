"""A source of made-up sentences without end, for the benchmark of large data sets."""
