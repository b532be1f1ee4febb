"""A register in object storage: an object is created only if there is none of its name.

S3 does that for `If-None-Match: *`; servers that ignore the header are found out before the first
lease is taken. The account is the one that DVC's config has for a remote in the same bucket.
"""

from __future__ import annotations

import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cached_property
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Final

from dataenvgym_spec.core.errors import MissingExtra, StageError, UserError
from dataenvgym_spec.core.faults import LEASE_LOST, MachineFault

TRIES: Final = 5
"""How often a write is tried that the server could not decide on."""
_ONLY_NEW: Final = {"IfNoneMatch": "*"}
_EXISTS: Final = "PreconditionFailed"
_UNDECIDED: Final = "ConditionalRequestConflict"
"""What S3 says of two writes of one name at the same time: try again."""


class ObjectRegister:
    """A register below an address in a bucket.

    Args of the constructor:
        root: the repository whose config of DVC has the account.
        address: `s3://bucket/folder`.
    """

    def __init__(self, root: Path, address: str) -> None:
        self._root, self.address = root, address.rstrip("/")
        self._bucket, _, self._folder = self.address.removeprefix("s3://").partition("/")

    def create(self, name: str, content: bytes) -> bool:
        """Writes a new object; False if it exists.

        Raises:
            StageError: the server cannot be asked.
        """
        with self._asking():
            for _ in range(TRIES - 1):
                try:
                    return self._put_new(name, content)
                except OSError as error:
                    if _code(error) != _UNDECIDED:
                        raise
                    time.sleep(0.1)
            return self._put_new(name, content)

    def read(self, name: str) -> bytes | None:
        """An object; None if there is none of this name."""
        with self._asking():
            try:
                # In one request: it does not ask for the size first.
                path = f"{self._bucket}/{self._key(name)}"
                content: bytes = self._files.cat_file(path, max_concurrency=1)
            except FileNotFoundError:
                return None
        return content

    def overwrite(self, name: str, content: bytes) -> None:
        """Writes an object."""
        with self._asking():
            self._put(name, content)

    def names(self, log: str) -> list[str]:
        """The names in a log."""
        return self._listed(f"{self._key(log)}/")

    def logs(self) -> list[str]:
        """All logs."""
        return self._listed(f"{self._folder}/" if self._folder else "")

    def remove(self, name: str) -> None:
        """Removes an object, if it is there."""
        with self._asking():
            self._files.call_s3("delete_object", Bucket=self._bucket, Key=self._key(name))

    def require_exclusive(self) -> None:
        """Checks that the server creates a name once.

        Raises:
            StageError: it does not, or cannot be asked.
        """
        name = f"probe/{uuid.uuid4().hex}"
        try:
            created = [self.create(name, b"1"), self.create(name, b"2")]
        finally:
            self.remove(name)
        if created != [True, False]:
            message = f"'{self.address}' cannot hold leases: its server overwrites what exists"
            help = "use a server that honours If-None-Match, or a shared folder, for leases.at"
            raise StageError(message, help=help)

    def _put_new(self, name: str, content: bytes) -> bool:
        try:
            self._put(name, content, **_ONLY_NEW)
        except FileExistsError:
            return False
        except OSError as error:
            if _code(error) == _EXISTS:
                return False
            raise
        return True

    def _put(self, name: str, content: bytes, **conditions: str) -> None:
        key = self._key(name)
        self._files.call_s3("put_object", Bucket=self._bucket, Key=key, Body=content, **conditions)

    def _listed(self, prefix: str) -> list[str]:
        """The names directly below a prefix."""
        found: list[str] = []
        more: dict[str, str] = {}
        with self._asking():
            while True:
                page = self._files.call_s3(
                    "list_objects_v2", Bucket=self._bucket, Prefix=prefix, Delimiter="/", **more
                )
                found += [item["Key"] for item in page.get("Contents", ())]
                found += [item["Prefix"] for item in page.get("CommonPrefixes", ())]
                if not page.get("IsTruncated"):
                    break
                more = {"ContinuationToken": page["NextContinuationToken"]}
        return [key.removeprefix(prefix).rstrip("/") for key in found]

    def _key(self, name: str) -> str:
        return f"{self._folder}/{name}".lstrip("/")

    @cached_property
    def _files(self) -> Any:
        return _opened(self._root, self.address, self._bucket)

    @contextmanager
    def _asking(self) -> Iterator[None]:
        """What goes wrong while the server is asked, as something that a user can mend.

        Where another try may go well it is a fault of the machine.
        """
        try:
            yield
        except UserError:
            raise
        except Exception as error:
            lines = str(error).splitlines() or [type(error).__name__]
            message = f"the leases at '{self.address}' cannot be used: {lines[0]}"
            help = "check the network, leases.at in hardware.yaml, and the credentials of DVC"
            if _may_pass(error):
                raise MachineFault(message, help=help, code=LEASE_LOST) from error
            raise StageError(message, help=help) from error


def _code(error: OSError) -> str:
    """What S3 calls an error."""
    code: str = _response(error).get("Error", {}).get("Code", "")
    return code


def _response(error: Exception) -> dict[str, Any]:
    """What S3 has answered, if an error is an answer."""
    return getattr(error.__cause__, "response", None) or getattr(error, "response", None) or {}


def _may_pass(error: Exception) -> bool:
    """Whether the server was not reached, or has a fault of its own."""
    from botocore import exceptions

    unreached = (
        *(ConnectionError, TimeoutError),
        *(exceptions.ConnectionError, exceptions.HTTPClientError),
    )
    status = _response(error).get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
    return status >= 500 or any(isinstance(one, unreached) for one in (error, error.__cause__))


def _opened(root: Path, address: str, bucket: str) -> Any:
    """The bucket, with the account that DVC has for a remote in it."""
    if find_spec("s3fs") is None:
        raise MissingExtra("s3fs", "servers", "a lease in object storage")
    # Imported late: DVC takes most of a second.
    from dvc.config import Config
    from dvc.fs import get_cloud_fs

    config = Config(str(root / ".dvc"))
    remotes = [remote for remote in config["remote"].values() if _bucket_of(remote) == bucket]
    account: dict[str, Any] = {**(remotes[0] if remotes else {}), "url": address}
    kind, options, _ = get_cloud_fs(config, **account)
    return kind(**options).fs


def _bucket_of(remote: dict[str, Any]) -> str:
    address = str(remote.get("url", ""))
    if not address.startswith("s3://"):
        return ""
    return address.removeprefix("s3://").partition("/")[0]
