"""The README's pictures, drawn by the real screen from made-up sockets: ``python -m tests.screenshots``."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import tests.ui.conftest  # noqa: F401 (it makes the screen still)
from tests.ui import scenarios
from tests.ui.screen_app import screen_app

FOLDER: Final = Path(__file__).parents[1] / "screenshots"

#: Fonts that are on most machines; the pictures load nothing from anywhere.
FONTS: Final = "'DejaVu Sans Mono', Menlo, Consolas, 'Liberation Mono', monospace"


@dataclass(frozen=True, slots=True)
class Picture:
    """One picture: a screen size, the filter to start with and the keys pressed."""

    name: str
    size: tuple[int, int]
    filter: str = ""
    keys: Sequence[str] = ()


PICTURES: Final = (
    Picture("main", (100, 30)),
    Picture("close-wait", (80, 24), "", ("w", "Y")),
    Picture("by-process", (80, 24), "", ("v",)),
    Picture("findings", (80, 24), "", ("f",)),
    Picture("state-card", (80, 24), "", ("i",)),
)


async def draw(picture: Picture) -> str:
    """The picture as SVG text, the same on every run."""
    app = screen_app(scenarios.leaking_server(), picture.filter)
    async with app.run_test(size=picture.size) as pilot:
        await pilot.pause()
        await pilot.press(*picture.keys)
        await app.workers.wait_for_complete()
        await pilot.pause()
        return without_web_fonts(app.export_screenshot(title="sockview"))


def without_web_fonts(svg: str) -> str:
    """The SVG with fonts of this machine in place of one loaded from the web."""
    svg = re.sub(r"@font-face \{.*?\}", "", svg, flags=re.DOTALL)
    svg = re.sub(r"font-family: [^;]*;", f"font-family: {FONTS};", svg)
    # A blank at the edge of a text would be dropped, and what is left stretched to its length.
    svg = re.sub(r"<text ", '<text xml:space="preserve" ', svg)
    return "\n".join(line.rstrip() for line in svg.splitlines()) + "\n"


def main() -> None:
    FOLDER.mkdir(exist_ok=True)
    for picture in PICTURES:
        (FOLDER / f"{picture.name}.svg").write_text(asyncio.run(draw(picture)), encoding="utf-8")


if __name__ == "__main__":
    main()
