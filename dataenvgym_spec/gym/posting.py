"""Posts JSON to an address, within bounds of time and size. It goes nowhere else."""

from __future__ import annotations

import time
import urllib.error
import urllib.request
from http.client import HTTPException, HTTPResponse
from typing import Any, Final

from dataenvgym_spec.gym.programs import TAIL, Failed, whole_words

CHUNK: Final = 65536
AGAIN: Final = "start it, and run again"


class _Stay(urllib.request.HTTPRedirectHandler):
    """An address that the user has allowed allows no other."""

    def redirect_request(self, *_: Any, **__: Any) -> None:
        return None


def posted(address: str, content: bytes, *, key: str | None, timeout: float, longest: int) -> bytes:
    """What an address answers.

    Args:
        address: where to.
        content: JSON.
        key: what opens it, sent as a bearer token.
        timeout: seconds.
        longest: bytes of the answer.

    Raises:
        Failed: it cannot be reached, refuses, takes too long or answers too much.
    """
    headers = {"Content-Type": "application/json", "Accept": "application/json"}
    if key is not None:
        headers["Authorization"] = f"Bearer {key}"
    deadline = time.monotonic() + timeout
    try:
        request = urllib.request.Request(address, data=content, headers=headers, method="POST")
        with urllib.request.build_opener(_Stay).open(request, timeout=timeout) as response:
            return _read(response, deadline, timeout, longest)
    except urllib.error.HTTPError as error:
        raise Failed(f"HTTP status {error.code}: {_words(error) or error.reason}") from None
    except TimeoutError:
        raise _late(timeout) from None
    except urllib.error.URLError as error:
        if isinstance(error.reason, TimeoutError):
            raise _late(timeout) from None
        raise Failed(f"it cannot be reached: {_reason(error.reason)}", AGAIN) from None
    except (OSError, HTTPException, ValueError) as error:
        raise Failed(f"the request failed: {_reason(error)}") from None


def _reason(error: object) -> str:
    """What is said of an error: not its text, which may hold the address or a header."""
    words = error.strerror if isinstance(error, OSError) else None
    return words or type(error).__name__


def _words(error: urllib.error.HTTPError) -> str:
    """The beginning of what a refusal says, without a word that is cut: it may be a secret."""
    try:
        said = error.read(TAIL + 1)
    except (OSError, HTTPException):
        return ""
    return whole_words(said[:TAIL], before=False, after=len(said) > TAIL)


def _read(response: HTTPResponse, deadline: float, timeout: float, longest: int) -> bytes:
    out = bytearray()
    while part := response.read1(CHUNK):
        out += part
        if len(out) > longest:
            raise Failed(f"its answer is longer than {longest} bytes")
        if time.monotonic() > deadline:
            raise _late(timeout)
    if response.length:
        raise Failed(f"its answer ended {response.length} bytes early")
    return bytes(out)


def _late(timeout: float) -> Failed:
    more = "give it more time (`timeout`), or make it faster"
    return Failed(f"it took longer than {timeout:g} s", more)
