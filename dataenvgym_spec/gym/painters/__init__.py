"""What makes images of what an engine describes: one painter a file, the contract in `protocol`."""
