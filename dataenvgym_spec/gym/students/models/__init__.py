"""Where a base student comes from: one kind of model a file."""
