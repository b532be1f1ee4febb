"""One executor per stage kind."""
