"""What carries a plan out and generates examples: one engine a file, the contract in `protocol`."""
