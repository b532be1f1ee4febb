"""Who names the subskills of a skill: one proposer a file, the contract in `protocol`."""
