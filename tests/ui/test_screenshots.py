"""The README's pictures show the program as it is, and need nothing from the web."""

from __future__ import annotations

import re

import pytest

from tests.screenshots import FOLDER, PICTURES, Picture, draw


@pytest.mark.parametrize("picture", PICTURES, ids=lambda picture: picture.name)
async def test_picture_is_of_today(picture: Picture) -> None:
    drawn = await draw(picture)
    kept = (FOLDER / f"{picture.name}.svg").read_text(encoding="utf-8")
    assert kept == drawn, "run `python -m tests.screenshots` and look at the pictures"


@pytest.mark.parametrize("picture", PICTURES, ids=lambda picture: picture.name)
def test_picture_loads_nothing(picture: Picture) -> None:
    kept = (FOLDER / f"{picture.name}.svg").read_text(encoding="utf-8")
    links = set(re.findall(r"https?://[^\"' )]+", kept))
    assert links <= {"http://www.w3.org/2000/svg", "https://www.textualize.io"}
    assert "url(http" not in kept
