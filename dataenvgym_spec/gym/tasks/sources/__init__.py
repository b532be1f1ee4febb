"""Where items come from: one source a file."""
