"""A study in one file: what it says of itself, which names it may hold, packing and unpacking."""
