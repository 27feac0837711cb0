"""A process that does to its descriptors what it is told: ``python -m tests.live.owner_worker``.

Reads lines ``SEED OPERATION PEER`` and answers each when it is done: with the PID of the process that it made, if any.
The dice are cast from the seed. Ends with its standard input; the processes that it makes end when they are killed.
"""

from __future__ import annotations

import array
import ctypes
import os
import random
import resource
import signal
import socket
import sys
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Final, NoReturn

from tests.waiting import wait_until

#: Numbers of system calls, the same on all machines that Linux got since 2019 (``asm-generic/unistd.h``).
PIDFD_OPEN: Final = 434
PIDFD_GETFD: Final = 438
#: clone(2) and its flag, on the machine on which it takes them first.
CLONE: Final = 56
CLONE_FILES: Final = 0x400

#: Descriptors that are used now and then but are far from the others.
FAR: Final = range(3000, 3060)
#: No more than these are kept open.
MOST: Final = 120
#: Threads that wait in accept(2).
MOST_WAITING: Final = 3
FOREVER: Final = 1000


class Worker:
    """Its descriptors are numbers in a list: no object closes them behind its back."""

    def __init__(self) -> None:
        self.dice = random.Random()
        self.libc = ctypes.PyDLL(None)
        self.mail = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.mail.bind(mail_of(os.getpid()))
        self.mail.setblocking(False)
        self.held: list[int] = []
        self.waiting: list[tuple[str, int]] = []
        """Listeners for whose next connection the kernel has set a number aside: a thread waits in accept(2)."""
        self.peer = 0
        for _ in range(4):
            self.connect()

    def any(self) -> int:
        return self.dice.choice(self.held)

    def take(self) -> int:
        return self.held.pop(self.dice.randrange(len(self.held)))

    # What may be done; each needs no descriptor that is not there.

    def connect(self) -> None:
        # A listener of its own: one that stayed might be fetched by another worker, and shut down.
        with socket.create_server(("127.0.0.1", 0)) as listener:
            client = socket.create_connection(listener.getsockname())
            self.held += [client.detach(), listener.accept()[0].detach()]

    def bind(self) -> None:
        plain = socket.socket(type=self.dice.choice((socket.SOCK_DGRAM, socket.SOCK_STREAM)))
        if self.dice.random() < 0.7:
            plain.bind(("127.0.0.1", 0))
        self.held.append(plain.detach())

    def wait_in_accept(self) -> None:
        if len(self.waiting) < MOST_WAITING:
            listener = socket.create_server(("127.0.0.1", 0))
            self.waiting.append(listener.getsockname())
            threading.Thread(target=self.accept, args=(listener,), daemon=True).start()

    def accept(self, listener: socket.socket) -> None:
        with listener, suppress(OSError):  # another worker may fetch it and shut it down
            while True:
                self.held.append(listener.accept()[0].detach())

    def call(self) -> None:
        """One of those that wait; if it still does, it waits again."""
        if self.waiting:
            address = self.dice.choice(self.waiting)
            try:
                client = socket.create_connection(address)
            except OSError:
                self.waiting.remove(address)
                return
            held = len(self.held)
            wait_until(lambda: len(self.held) > held, timeout=0.1)
            self.held.append(client.detach())

    def open(self) -> None:
        kind = self.dice.randrange(3)
        if kind == 0:
            self.held.append(os.open("/dev/null", os.O_RDWR))
        elif kind == 1:
            self.held += os.pipe()
        else:
            self.held += [end.detach() for end in socket.socketpair()]

    def close(self) -> None:
        for _ in range(self.dice.randrange(1, 4)):
            if len(self.held) > 4:
                os.close(self.take())

    def hang_up(self) -> None:
        """Of a socket, which may stay open, in no dump."""
        # It may be no socket, or none that is connected.
        with suppress(OSError):
            end = socket.socket(fileno=self.any())
            try:
                end.shutdown(socket.SHUT_RDWR)
            finally:
                end.detach()

    def reuse(self) -> None:
        """A number is closed and used again at once."""
        os.close(self.take())
        self.dice.choice((self.connect, self.bind, self.open))()

    def dup_onto(self) -> None:
        old, new = self.any(), self.any()
        if old != new:
            os.dup2(old, new)

    def dup_far(self) -> None:
        new = self.dice.choice(FAR)
        os.dup2(self.any(), new)
        if new not in self.held:
            self.held.append(new)

    def swap(self) -> None:
        one, other = self.any(), self.any()
        if one != other:
            kept = os.dup(one)
            os.dup2(other, one)
            os.dup2(kept, other)
            os.close(kept)

    def send(self) -> None:
        """To its peer, which has to receive it; nobody may hold it meanwhile."""
        fd = self.any()
        rights = array.array("i", [fd])
        try:
            self.mail.sendmsg(
                [b"x"], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, rights)], socket.MSG_DONTWAIT, mail_of(self.peer)
            )
        except OSError:
            return  # its queue is full, or it has ended
        if self.dice.random() < 0.5 and len(self.held) > 4:
            self.held.remove(fd)
            os.close(fd)

    def receive(self) -> None:
        for _ in range(self.dice.randrange(1, 6)):
            try:
                _data, ancillary, _flags, _from = self.mail.recvmsg(1, socket.CMSG_SPACE(4))
            except BlockingIOError:
                return
            for _level, _kind, rights in ancillary:
                self.held += array.array("i", rights)

    def fetch(self) -> None:
        """One of its peer, which sleeps meanwhile."""
        pidfd = self.libc.syscall(PIDFD_OPEN, self.peer, 0)
        if pidfd < 0:
            return
        fd = self.libc.syscall(PIDFD_GETFD, pidfd, self.dice.randrange(3, 30), 0)
        os.close(pidfd)
        if fd >= 0:
            self.held.append(fd)

    def fork(self) -> str:
        child = os.fork()
        if child == 0:
            for fd in self.held:
                if self.dice.random() < 0.3:
                    os.close(fd)
            wait_for_ever()
        return str(child)

    def spawn(self) -> str:
        """Another program, which inherits some."""
        for fd in self.held:
            os.set_inheritable(fd, self.dice.random() < 0.5)
        child = os.fork()
        if child == 0:
            os.execv("/bin/sleep", ["sleep", str(FOREVER)])
        return str(child)

    def share(self) -> str:
        """Another process has the same table from now on. One of the two sleeps, the other does what comes."""
        if os.uname().machine != "x86_64":
            return ""
        parent_sleeps = self.dice.random() < 0.5
        child = self.libc.syscall(CLONE, CLONE_FILES | signal.SIGCHLD, 0, 0, 0, 0)
        if (child == 0) != parent_sleeps:
            wait_for_ever()
        return str(child or os.getpid())

    def rename(self) -> None:
        with open("/proc/self/comm", "w") as comm:
            comm.write(f"owner{self.dice.randrange(100)}")

    def sleep(self) -> None:
        """Nothing; being told of it is to run all the same."""

    def do(self, line: str) -> str:
        seed, operation, peer = line.split()
        self.dice.seed(seed)
        self.peer = int(peer)
        while len(self.held) > MOST:
            os.close(self.take())
        if operation in MAKING:
            return MAKING[operation](self)
        if self.dice.random() < 0.5:
            DOING[operation](self)
        else:
            thread = threading.Thread(target=DOING[operation], args=(self,))
            thread.start()
            thread.join()
        return ""


_Operations = (
    Worker.connect,
    Worker.bind,
    Worker.wait_in_accept,
    Worker.call,
    Worker.open,
    Worker.close,
    Worker.hang_up,
    Worker.reuse,
    Worker.dup_onto,
    Worker.dup_far,
    Worker.swap,
    Worker.send,
    Worker.receive,
    Worker.fetch,
    Worker.rename,
    Worker.sleep,
)
DOING: Final[dict[str, Callable[[Worker], None]]] = {operation.__name__: operation for operation in _Operations}
MAKING: Final[dict[str, Callable[[Worker], str]]] = {
    operation.__name__: operation for operation in (Worker.fork, Worker.spawn, Worker.share)
}


def mail_of(pid: int) -> str:
    return f"\0sockview-owner-{pid}"


def wait_for_ever() -> NoReturn:
    while True:
        time.sleep(FOREVER)


def main() -> None:
    _soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, FAR.stop + 100), hard))
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    worker = Worker()
    print(flush=True)
    for line in sys.stdin:
        print(worker.do(line), flush=True)


if __name__ == "__main__":
    main()
