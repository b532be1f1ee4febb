"""What a spec may say: its records, schema and components, validation, hover texts and reference.

Several files that make one experiment are merged in `resolve`. Nothing is re-exported: executors
need the declarations of components only, and the validator's libraries are slow to import.
"""
