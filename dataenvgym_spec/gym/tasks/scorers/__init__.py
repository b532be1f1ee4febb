"""What gives an answer its score: one scorer a file."""
