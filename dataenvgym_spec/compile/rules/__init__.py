"""Rules about the meaning of a spec, one file each; `table` has their order."""
