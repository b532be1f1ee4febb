"""The hardware profile: what a user says of a machine and of a cluster, outside specs and keys."""
