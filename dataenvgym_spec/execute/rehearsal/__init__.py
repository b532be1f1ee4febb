"""An experiment at toy size in a folder of its own: what would fail, and what it would take."""
