from __future__ import annotations

import errno
import socket

import pytest

from sockview.collect import netlink
from sockview.collect.native import NativeSource
from sockview.collect.netlink import DumpError
from sockview.collect.portable import NOTICE
from sockview.collect.sources import open_processes, open_source
from sockview.errors import CollectError
from tests.collect.steps import finish


@pytest.mark.skipif(not hasattr(socket, "AF_NETLINK"), reason="needs Linux")
def test_linux_reads_the_kernel() -> None:
    assert isinstance(open_source("auto"), NativeSource)
    assert finish(open_source("netlink").collect())[0].source == "sock_diag"


def test_psutil_can_be_forced_and_says_so() -> None:
    found = finish(open_source("psutil").collect())[0]
    assert (found.source, found.warnings) == ("psutil", (NOTICE,))


def test_where_there_is_no_sock_diag(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse() -> None:
        raise DumpError("sock_diag cannot be opened", errno.EACCES)

    monkeypatch.setattr(netlink, "probe", refuse)
    with pytest.raises(CollectError, match=r"sock_diag cannot be opened \(Permission denied\): a security policy"):
        open_source("netlink")
    found = finish(open_source("auto").collect())[0]
    assert found.warnings == (
        "psutil is used instead of sock_diag: sock_diag cannot be opened (Permission denied).",
        NOTICE,
    )


def test_processes_are_read() -> None:
    assert open_processes().read(2**22 + 1, 0).problem == f"Process {2**22 + 1} has exited."
