"""A scorer for another task; only its definition is read."""


class Mate:
    """Never made: the spec that names it is refused."""
