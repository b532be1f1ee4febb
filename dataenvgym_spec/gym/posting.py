"""Posts JSON to an address, within bounds of time and size. It goes nowhere else."""

from __future__ import annotations

import time
import urllib.error
import urllib.request
from http.client import HTTPException, HTTPResponse
from typing import Any, Final

from dataenvgym_spec.gym.programs import TAIL, Failed

CHUNK: Final = 65536


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
    request = urllib.request.Request(address, data=content, headers=headers, method="POST")
    deadline = time.monotonic() + timeout
    try:
        with urllib.request.build_opener(_Stay).open(request, timeout=timeout) as response:
            return _read(response, deadline, timeout, longest)
    except urllib.error.HTTPError as error:
        words = error.read(TAIL).decode(errors="replace").strip()
        raise Failed(f"HTTP status {error.code}: {words or error.reason}") from None
    except TimeoutError:
        raise _late(timeout) from None
    except urllib.error.URLError as error:
        if isinstance(error.reason, TimeoutError):
            raise _late(timeout) from None
        raise Failed(f"it cannot be reached: {error.reason}", "start it, and run again") from None
    except (OSError, HTTPException) as error:
        raise Failed(f"the connection ended: {error or type(error).__name__}") from None


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
