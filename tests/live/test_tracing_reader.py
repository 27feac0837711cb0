"""The real reader traces; what it shows of that; and nothing of it is left in the kernel, however it ends."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Final

import pytest

from sockview.collect.perf_event import online_cpus
from sockview.model.query import Query, Summary
from tests.reader_client import ReaderClient
from tests.waiting import wait_until

pytestmark = pytest.mark.skipif(
    sys.platform != "linux" or os.geteuid() != 0, reason="only root may trace and look into tracefs"
)

#: Prints what tracing may leave behind: events that are switched on, filters, probes, instances.
KERNEL_STATE: Final = """\
import ctypes, os
library = ctypes.CDLL(None)
assert library.unshare(0x20000) == 0
assert library.mount(b"none", b"/", None, ctypes.c_ulong(0x44000), None) == 0
assert library.mount(b"tracefs", b"/sys", b"tracefs", ctypes.c_ulong(0), None) == 0
event = "events/sock/inet_sock_set_state/"
for name in (event + "enable", event + "filter", "set_event", "kprobe_events", "dynamic_events"):
    if os.path.exists("/sys/" + name):
        print(name, repr(open("/sys/" + name).read()))
print(sorted(os.listdir("/sys/instances")))
"""


def kernel_state() -> str:
    """Of tracing, and of this process's mounts."""
    done = subprocess.run([sys.executable, "-I", "-c", KERNEL_STATE], capture_output=True, text=True)
    if done.returncode:
        pytest.skip(f"tracefs can't be mounted here: {done.stderr.splitlines()[-1:]}")
    return done.stdout + Path("/proc/self/mountinfo").read_text()


def of_session(session: int) -> list[int]:
    """The living processes of a session, which every reader has to itself."""
    found = []
    for pid in map(int, filter(str.isdecimal, os.listdir("/proc"))):
        try:
            fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        except (FileNotFoundError, ProcessLookupError):
            continue
        if int(fields[3]) == session and fields[0] != "Z":
            found.append(pid)
    return found


def counters(pid: int) -> int:
    """Tracepoints that the process listens to, one a CPU."""
    directory = f"/proc/{pid}/fd"
    return sum(os.readlink(f"{directory}/{fd}") == "anon_inode:[perf_event]" for fd in os.listdir(directory))


def summary(client: ReaderClient) -> Summary:
    return client.ask(Query(serial=1)).summary


def skip_unless_tracing(client: ReaderClient) -> None:
    found = summary(client)
    if not found.tracing:
        pytest.skip(f"not tracing: {found.why_not_tracing}")


def test_it_says_that_it_traces_and_listens_on_every_cpu() -> None:
    with ReaderClient() as client:
        skip_unless_tracing(client)
        assert counters(client.process.pid) == len(online_cpus())
        assert len(of_session(client.process.pid)) == 1, "the child that read tracefs has gone"


def test_it_can_be_turned_off() -> None:
    with ReaderClient(trace=False) as client:
        found = summary(client)
        assert (found.tracing, found.why_not_tracing) == (False, "turned off")
        assert counters(client.process.pid) == 0


def test_psutil_knows_nothing_of_it() -> None:
    with ReaderClient("psutil") as client:
        assert (summary(client).tracing, summary(client).why_not_tracing) == (False, "")


def test_sigkill_leaves_nothing_in_the_kernel() -> None:
    before = kernel_state()
    with ReaderClient() as client:
        skip_unless_tracing(client)
        assert counters(client.process.pid) > 0
        os.kill(client.process.pid, signal.SIGKILL)
        pid = client.process.pid
    assert kernel_state() == before
    assert of_session(pid) == []


@pytest.mark.parametrize("pause", [0.02, 0.05, 0.08, 0.1, 0.12, 0.15, 0.2])
def test_sigkill_while_it_begins_leaves_nothing_either(pause: float) -> None:
    before = kernel_state()
    with ReaderClient() as client:
        time.sleep(pause)
        pid = client.process.pid
        os.kill(pid, signal.SIGKILL)
    assert wait_until(lambda: not of_session(pid))  # the child that reads tracefs ends by itself
    assert kernel_state() == before
