"""Calls of tools: how an answer's are read, and when two are the same. Not a slot of its own."""
