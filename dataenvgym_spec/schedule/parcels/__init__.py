"""A stage as a parcel, for machines that have the package and not the repository.

`pack` makes one of the clone that drives a run, `node` does the work elsewhere, and `adopt` brings
what came of it into the clone. How a parcel travels is a runner's business.
"""
