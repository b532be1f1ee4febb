"""The executors: one stage kind a file."""
