"""Images that are made on the spot."""

import io

from PIL import Image


def drawn(form: str = "PNG", size: tuple[int, int] = (64, 48), colour: int = 0) -> bytes:
    """A file with a gradient."""
    image = Image.linear_gradient("L").resize(size).point(lambda value: (value + colour) % 256)
    file = io.BytesIO()
    image.save(file, form)
    return file.getvalue()
