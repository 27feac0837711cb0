"""What the live tests share."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.live.socket_makers import Made, holding


@pytest.fixture
def leak() -> Iterator[Made]:
    """A process with three CLOSE_WAIT sockets."""
    with holding("close_wait", 3) as made:
        yield made
