"""How examples change a student: one trainer a file, imported in its own process."""
