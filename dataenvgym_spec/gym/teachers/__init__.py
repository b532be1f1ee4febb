"""What engines, policies and checks ask: one teacher a file, the contract in `protocol`."""
