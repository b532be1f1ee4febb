"""Where programs and parsers of unknown texts run without rights: one sandbox a file."""
