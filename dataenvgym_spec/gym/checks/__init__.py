"""What objects to generated examples: one check a file, the contract in `protocol`."""
