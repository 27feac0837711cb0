"""Where the time of a steady refresh goes: the functions that cost most in each phase."""

from __future__ import annotations

import io
import pstats
import time
from cProfile import Profile

from sockview.model.query import Query
from tests.benchmarks.phases import PHASES, SteadyReader
from tests.benchmarks.steady import INTERVAL, WARM_UP
from tests.benchmarks.timing import without_garbage_collection


def profile_text(rounds: int, most: int = 14) -> str:
    """Milliseconds a refresh, of the functions themselves; profiling makes calls look dearer than they are."""
    profiles: dict[str, Profile] = {}
    with without_garbage_collection(), SteadyReader(Query(serial=1)) as reader:
        due = time.monotonic()
        for number in range(WARM_UP + rounds):
            if number == WARM_UP:
                reader.phases.profiles = profiles
            reader.rest_until(due)
            due = time.monotonic() + INTERVAL
            reader.refresh()
    return "\n".join(_phase_text(phase, profiles[phase], rounds, most) for phase in PHASES if phase in profiles)


def _phase_text(phase: str, profile: Profile, rounds: int, most: int) -> str:
    stats = pstats.Stats(profile, stream=io.StringIO())
    rows = []
    for (path, line, name), (_, calls, own, total, _) in stats.stats.items():  # type: ignore[attr-defined]
        place = f"{'/'.join(path.split('/')[-2:])}:{line} {name}" if line else name
        rows.append((own / rounds * 1e3, total / rounds * 1e3, calls / rounds, place))
    rows.sort(reverse=True)
    head = f"\n{phase}: {sum(row[0] for row in rows):.1f} ms a refresh\n     own    with    calls  function"
    return "\n".join(
        [head, *(f"{own:8.2f}{total:8.2f}{calls:9.0f}  {place}" for own, total, calls, place in rows[:most])]
    )
