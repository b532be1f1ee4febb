"""What every wing stands on: diagnostics and errors, hashing, this machine, this process.

Nothing here knows what an experiment is. `machine` is not re-exported: reading the versions of
packages is slow to import.
"""

from dataenvgym_spec.core.errors import (
    CODES,
    Diagnostic,
    LimitReached,
    MissingExtra,
    Severity,
    Span,
    SpecError,
    StageError,
    UserError,
    character,
    gathered,
    more,
    suggest,
    visible,
)
from dataenvgym_spec.core.hashing import (
    SHORT,
    Canonical,
    canonical,
    digest,
    digest_canonical,
    file_digest,
    md5_file,
    md5_text,
    seed_from,
    sha256_text,
    text_digest,
    unit_interval,
)
from dataenvgym_spec.core.running import announced, current
from dataenvgym_spec.core.text import shortened, size_text

__all__ = [
    "CODES",
    "SHORT",
    "Canonical",
    "Diagnostic",
    "LimitReached",
    "MissingExtra",
    "Severity",
    "Span",
    "SpecError",
    "StageError",
    "UserError",
    "announced",
    "canonical",
    "character",
    "current",
    "digest",
    "digest_canonical",
    "file_digest",
    "gathered",
    "md5_file",
    "md5_text",
    "more",
    "seed_from",
    "sha256_text",
    "shortened",
    "size_text",
    "suggest",
    "text_digest",
    "unit_interval",
    "visible",
]
