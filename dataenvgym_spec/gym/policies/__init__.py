"""What decides which examples to ask for: one policy a file, the contract in `protocol`."""
