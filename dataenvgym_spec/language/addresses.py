"""Which addresses and keys a request can be made with. Sends none.

What is wrong is told without a word of them: what stands in the wrong variable may be a key, and an
address may hold a password.
"""

from __future__ import annotations

from urllib.parse import urlsplit, urlunsplit


def shown(address: str) -> str:
    """An address as a message may show it: without a user, a password or a query.

    >>> shown("https://me:secret@example.org/v1?key=secret")
    'https://example.org/v1'
    """
    parts = urlsplit(address)
    return urlunsplit((parts.scheme, parts.netloc.rpartition("@")[2], parts.path, "", ""))


def unfit_address(address: str, *, begins: bool = True) -> str:
    """Why an address cannot be used; empty if it can.

    >>> unfit_address("https://me:secret@example.org/v1")
    'holds a user or a password, which belong into the variable of a key'

    Args:
        address: the address.
        begins: whether it is what all addresses of a service begin with, so that no query ends it.
    """
    if not address.startswith(("http://", "https://")):
        return "begins with no http:// or https://"
    if not _plain(address) or " " in address:
        return "holds a letter or a sign that no address has"
    try:
        parts = urlsplit(address)
        port = parts.port
    except ValueError:
        # A password may have made it one.
        return "has a host or a port that cannot be read"
    if "@" in parts.netloc:
        return "holds a user or a password, which belong into the variable of a key"
    if not parts.hostname or port == 0:
        return "names no host, or a port that is none"
    if begins and (parts.query or parts.fragment):
        return "ends with a query, and the rest of an address has to follow it"
    return ""


def unfit_key(key: str) -> str:
    r"""Why a key cannot be sent; empty if it can.

    >>> unfit_key("sk-one"), unfit_key("sk-one, which is\nof two lines")
    ('', 'holds a line break, or a letter that no key has')
    """
    return "" if _plain(key) else "holds a line break, or a letter that no key has"


def _plain(text: str) -> bool:
    return text.isascii() and text.isprintable()
