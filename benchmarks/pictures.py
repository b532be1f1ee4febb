"""The pictures of README and docs: what reports answer, and MLflow compares, in a browser.

    python benchmarks/pictures.py math=reports/word-problems code=reports/programs
    python benchmarks/pictures.py --tracked mlflow=../study/study

The first makes docs/pictures/math.png and code.png of those reports, of whose pages the sections
behind the first are left out. The second makes docs/pictures/mlflow.png of the first view of the
experiment `study` in the repository `../study`, which it tracks first. It takes Chromium, Pillow,
and for the second Playwright.
"""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Final

from PIL import Image, ImageChops

ROOT: Final = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from tests.support.browsing import browsing  # noqa: E402
from tests.support.mlflow_servers import ui  # noqa: E402

OUT: Final = ROOT / "docs" / "pictures"
TRACKED: Final = (1800, 800)
"""Of the window that shows MLflow."""
DRAWN: Final = 4000
"""Milliseconds that MLflow's charts have to move to their places, once they are there."""
WIDTH, HEIGHT, SCALE, MARGIN = 640, 1800, 2, 24
"""Of the window, how many pixels of a picture one of it is, and what is left around the content."""
SECTION: Final = re.compile(r"<section\b.*?</section>", re.DOTALL)
LESS: Final = """
.pair > div, .pair ~ *, section > p, .answer p:not([class]) { display: none }
.sample:nth-child(n + 4) { display: none }
.samples { grid-template-columns: repeat(3, 1fr) } .sample details { display: none }
.answer ~ .answer { display: none }
[aria-label="declared contrasts"] :is(th, td):is(:nth-child(2), :last-child) { display: none }
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
    page = re.sub(r'<p class="note">Both students were asked alike.*?</p>', "", page)
    # A difference is not shown without what chance alone makes.
    page = page.replace("<p>Noise floor", '<p class="note">Noise floor')
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
    return few_colours(image.crop((0, 0, image.width, min(image.height, box[3] + MARGIN))))


def compared(repo: Path, experiment: str) -> Image.Image:
    """The first of the saved views of an experiment in MLflow, less what is around its page."""
    tracked = subprocess.run(
        ["dataenvgym", "track", experiment, "--json"], cwd=repo, check=True, capture_output=True
    )
    view = json.loads(tracked.stdout)["pages"][0]
    width, height = TRACKED
    with ui(repo) as server, browsing(width, height) as page, tempfile.TemporaryDirectory() as name:
        server.look()
        page.goto(f"http://127.0.0.1:{server.port}/{view}")
        page.get_by_text("(selection/accuracy)").first.wait_for()
        page.wait_for_timeout(DRAWN)
        shot = Path(name) / "shot.png"
        page.locator("main").screenshot(path=shot)
        with Image.open(shot) as opened:
            return few_colours(opened.convert("RGB"))


def few_colours(image: Image.Image) -> Image.Image:
    """The same in a small file: a page has few colours, and without dither letters stay clean."""
    return image.quantize(256, Image.Quantize.MEDIANCUT, kmeans=4, dither=Image.Dither.NONE)


def main(arguments: list[str]) -> None:
    """Makes the pictures of what is named."""
    tracked = arguments[:1] == ["--tracked"]
    browser = shutil.which("chromium") or shutil.which("chromium-browser")
    if browser is None:
        sys.exit("there is no Chromium on the path")
    OUT.mkdir(exist_ok=True)
    for argument in arguments[tracked:]:
        name, _, shown = argument.partition("=")
        path, place = OUT / f"{name}.png", Path(shown)
        if tracked:
            image = compared(place.parent, place.name)
        else:
            page = (place / "index.html").read_text(encoding="utf-8")
            image = photographed(answer_of(page), browser)
        image.save(path, optimize=True)
        print(f"{path.relative_to(OUT.parents[1])}: {path.stat().st_size / 1000:.0f} kB")


if __name__ == "__main__":
    main(sys.argv[1:])
