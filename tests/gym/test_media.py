"""Images that items show: kept by content; what is none is counted, and ends nothing."""

from __future__ import annotations

from io import BytesIO
from pathlib import Path

import pytest
from PIL import Image

from dataenvgym_spec.core.errors import StageError
from dataenvgym_spec.core.hashing import bytes_digest
from dataenvgym_spec.gym.tasks.media import BAD, BadImageError, Images, picture_of
from dataenvgym_spec.records.media import ENDINGS
from tests.support.images import drawn


@pytest.mark.parametrize("form", ["PNG", "JPEG", "GIF", "WEBP", "BMP"])
def test_each_format_is_known_by_its_content(form: str) -> None:
    content = drawn(form)
    picture = picture_of(content)
    assert (picture.width, picture.height) == (64, 48)
    assert picture.digest == bytes_digest(content)
    assert picture.media in ENDINGS and picture.file.endswith(ENDINGS[picture.media])


@pytest.mark.parametrize(
    "content",
    [b"", b"no image", drawn()[:60], drawn("JPEG")[:200], drawn("TIFF"), b"\x89PNG\r\n\x1a\n" * 9],
    ids=["empty", "text", "cut-png", "cut-jpeg", "other-format", "head-alone"],
)
def test_what_is_no_image_is_counted(content: bytes, tmp_path: Path) -> None:
    with pytest.raises(BadImageError):
        picture_of(content)
    images, path = Images(), tmp_path / "a.png"
    path.write_bytes(content)
    assert images.add(content) is None and images.add(path) is None
    assert images.add(tmp_path / "missing.png") is None
    assert images.bad == {BAD: 3}


def test_an_image_with_another_behind_it_is_a_jpeg() -> None:
    """So cameras write them; Pillow calls that another format."""
    content = BytesIO()
    first, second = Image.new("RGB", (8, 8), "red"), Image.new("RGB", (8, 8), "blue")
    first.save(content, "MPO", save_all=True, append_images=[second])
    assert picture_of(content.getvalue()).file.endswith(".jpg")


def test_an_image_of_too_many_pixels_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 1000)
    with pytest.raises(BadImageError, match="decompression bomb"):
        picture_of(drawn())


def test_equal_images_are_one_and_a_file_that_changes_is_told(tmp_path: Path) -> None:
    images, path = Images(), tmp_path / "a.png"
    path.write_bytes(drawn())
    held = images.add(path)
    assert held is not None and images.add(drawn()) == held
    assert images.content(held) == drawn()
    other = picture_of(drawn(colour=9))
    assert images.content(other) is None
    path.write_bytes(drawn(colour=9))
    with pytest.raises(StageError, match="was changed while it was read"):
        images.content(held)
    path.unlink()
    with pytest.raises(StageError, match="cannot be read any more"):
        images.content(held)
