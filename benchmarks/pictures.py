"""The pictures of README and docs/library.md: what reports of real runs answer, in a browser.

    python benchmarks/pictures.py math=reports/word-problems code=reports/programs

makes docs/pictures/math.png and code.png of those reports. It takes Chromium and Pillow. A picture
is made of the report's page itself, of which the sections behind the first are left out.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Final

from PIL import Image, ImageChops

OUT: Final = Path(__file__).parents[1] / "docs" / "pictures"
WIDTH, HEIGHT, SCALE, MARGIN = 640, 1600, 2, 24
"""Of the window, how many pixels of a picture one of it is, and what is left around the content."""
SECTION: Final = re.compile(r"<section\b.*?</section>", re.DOTALL)
LESS: Final = """
.pair > div, .pair ~ *, section > p, .answer p:not([class]) { display: none }
.sample:nth-child(n + 4) { display: none }
.samples { grid-template-columns: repeat(3, 1fr) } .sample details { display: none }
.answer ~ .answer, .answer .note:last-of-type { display: none }
h2 { margin-top: 1.5rem } figure { max-width: none }
"""
"""What a picture does without: tables, explanations, all but one contrast and three examples."""


def answer_of(page: str) -> str:
    """The page with its first section, and with that of examples where they have images.

    >>> answer_of("<p>a</p><section>b</section><section>c</section>")
    '<p>a</p><section>b</section>'
    """
    _, *others = SECTION.findall(page)
    for section in others:
        if "<img" not in section:
            page = page.replace(section, "", 1)
    return page.replace("</head>", f"<style>{LESS}</style></head>")


def photographed(page: str, browser: str) -> Image.Image:
    """A page as the browser shows it, less what is empty below."""
    with tempfile.TemporaryDirectory() as name:
        source, shot = Path(name) / "page.html", Path(name) / "shot.png"
        source.write_text(page, encoding="utf-8")
        command = [browser, "--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars"]
        command += [f"--window-size={WIDTH},{HEIGHT}", f"--force-device-scale-factor={SCALE}"]
        command += [f"--user-data-dir={name}/user", f"--screenshot={shot}", source.as_uri()]
        subprocess.run(command, check=True, capture_output=True, timeout=120)
        with Image.open(shot) as opened:
            image = opened.convert("RGB")
    background = Image.new("RGB", image.size, image.getpixel((0, 0)))
    box = ImageChops.difference(image, background).getbbox()
    assert box is not None, "the page is empty"
    shown = image.crop((0, 0, image.width, min(image.height, box[3] + MARGIN)))
    # A page has few colours; without dither its letters stay clean.
    return shown.quantize(256, Image.Quantize.MEDIANCUT, kmeans=4, dither=Image.Dither.NONE)


def main(arguments: list[str]) -> None:
    """Makes the pictures of the reports that are named."""
    browser = shutil.which("chromium") or shutil.which("chromium-browser")
    if browser is None:
        sys.exit("there is no Chromium on the path")
    OUT.mkdir(exist_ok=True)
    for argument in arguments:
        name, _, report = argument.partition("=")
        page = (Path(report) / "index.html").read_text(encoding="utf-8")
        path = OUT / f"{name}.png"
        photographed(answer_of(page), browser).save(path, optimize=True)
        print(f"{path.relative_to(OUT.parents[1])}: {path.stat().st_size / 1000:.0f} kB")


if __name__ == "__main__":
    main(sys.argv[1:])
