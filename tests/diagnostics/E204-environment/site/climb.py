"""A policy for another environment; only its definition is read."""


class Climb:
    """Never made: the spec that names it is refused."""
