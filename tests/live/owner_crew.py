"""Some processes that do to their descriptors what the dice say, and stand still meanwhile."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path
from typing import Final

from tests.live import owner_worker
from tests.waiting import DEADLINE

WORKERS: Final = 6
#: Processes that the workers made, at most.
CHILDREN: Final = 10
#: Seconds until what a process did has been counted: it has left the processor by then.
COUNTED: Final = 0.002


class Driven:
    """One worker, which does nothing but what it is told."""

    def __init__(self) -> None:
        command = [sys.executable, "-m", "tests.live.owner_worker"]
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.children: list[int] = []
        self.sharers: list[int] = []
        """One of these, or the first process, is who answers."""
        self.answer()

    @property
    def pids(self) -> list[int]:
        return [self.process.pid, *self.children, *self.sharers]

    def answer(self) -> str:
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        assert line, "a worker has ended; its message stands above"
        return line.strip()

    def do(self, operation: str, seed: int, peer: int) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(f"{seed} {operation} {peer}\n")
        self.process.stdin.flush()
        answer = self.answer()
        if answer:
            (self.sharers if operation == "share" else self.children).append(int(answer))

    def end(self) -> None:
        for pid in self.pids[1:]:
            kill(pid)
        self.process.kill()
        self.process.communicate()


class Crew:
    """Some workers, and the dice that tell what they do."""

    def __init__(self, dice: random.Random) -> None:
        self.dice = dice
        self.workers = [Driven() for _ in range(WORKERS)]
        self.operations = 0

    def pids(self) -> list[int]:
        return [pid for worker in self.workers for pid in worker.pids]

    def do_something(self) -> None:
        self.operations += 1
        place = self.dice.randrange(WORKERS)
        worker = self.workers[place]
        chance = self.dice.random()
        if chance < 0.01:
            worker.end()
            self.workers[place] = Driven()
        elif chance < 0.05 and worker.children:
            kill(worker.children.pop(self.dice.randrange(len(worker.children))))
        else:
            many = chance > 0.1 or len(self.pids()) >= WORKERS + CHILDREN
            operation = self.dice.choice(list(owner_worker.DOING if many else owner_worker.MAKING))
            worker.do(operation, self.dice.randrange(1_000_000), self.dice.choice(self.pids()))

    def rest(self) -> None:
        """Until all of them sleep."""
        for pid in self.pids():
            wait_for_state(pid, "SZX")
        time.sleep(COUNTED)

    def end(self) -> None:
        for worker in self.workers:
            worker.end()


def kill(pid: int) -> None:
    with suppress(ProcessLookupError):
        os.kill(pid, signal.SIGKILL)
    wait_for_state(pid, "ZX")


def wait_for_state(pid: int, states: str) -> None:
    """There are many of these: the time between two polls is short."""
    deadline = time.monotonic() + DEADLINE
    while state(pid) not in states:
        assert time.monotonic() < deadline, f"{pid} is {state(pid)}"
        time.sleep(0.0005)


def state(pid: int) -> str:
    """The letter of proc_pid_stat(5), R if any of its threads runs; X: gone."""
    try:
        threads = [path.read_text().rpartition(")")[2].split()[0] for path in Path(f"/proc/{pid}/task").glob("*/stat")]
        return "R" if "R" in threads else threads[0]
    except (FileNotFoundError, ProcessLookupError, IndexError):
        return "X"
