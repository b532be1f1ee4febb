"""What names the skills of items: one discovery a file, the contract in `protocol`."""
