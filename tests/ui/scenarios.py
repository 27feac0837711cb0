"""Made-up servers for screens: the same sockets, ages and names on every run."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Final

from sockview.model import tcp_state
from sockview.model.finding import Finding
from sockview.model.inet_socket import UDP, InetSocket
from sockview.model.limits import DescriptorUse
from sockview.model.owner import Process
from sockview.model.snapshot import Snapshot
from sockview.model.sources import ProcessDetail
from sockview.model.trace import Trace, Transition
from tests.model.builders import make_process, make_snapshot, make_socket

#: The last refresh of the leaking server: seconds on its clock.
NOW: Final = 300.0
#: Seconds between the refreshes that came before it.
STEP: Final = 5.0

NGINX: Final = make_process(901, "nginx", "nginx: worker process", 900)
GUNICORN: Final = make_process(7306, "gunicorn", "gunicorn: worker [shop.wsgi:app]", 4200)
GUNICORN_2: Final = make_process(7307, "gunicorn", "gunicorn: worker [shop.wsgi:app]", 4201)
CELERY: Final = make_process(7410, "celery", "celery -A shop worker --concurrency 4", 4300)
POSTGRES: Final = make_process(812, "postgres", "/usr/lib/postgresql/17/bin/postgres", 800)
SSHD: Final = make_process(640, "sshd", "sshd: /usr/sbin/sshd -D", 600)
CHRONYD: Final = make_process(655, "chronyd", "/usr/sbin/chronyd -F 1", 610)

#: The kernel parameters of this server that a state card or a finding names.
PARAMETERS: Final = {
    "net.ipv4.ip_local_port_range": "32768 60999",
    "net.ipv4.tcp_fin_timeout": "60",
    "net.ipv4.tcp_keepalive_time": "7200",
    "net.ipv4.tcp_max_syn_backlog": "1024",
    "net.ipv4.tcp_max_tw_buckets": "65536",
    "net.ipv4.tcp_tw_reuse": "2",
    "net.core.somaxconn": "4096",
}

Held = dict[Process, list[InetSocket | tuple[int, InetSocket]]]


def _listeners() -> Held:
    web = make_socket("LISTEN", "0.0.0.0:8080", send_q=128, uid=33)
    return {
        NGINX: [
            make_socket("LISTEN", "0.0.0.0:443", send_q=511, uid=0),
            make_socket("LISTEN", "[::]:443", send_q=511, uid=0),
        ],
        GUNICORN: [(5, web)],
        GUNICORN_2: [(5, web)],
        POSTGRES: [make_socket("LISTEN", "127.0.0.1:5432", send_q=200, uid=70)],
        SSHD: [
            make_socket("LISTEN", "0.0.0.0:22", send_q=128, uid=0),
            make_socket("LISTEN", "[::]:22", send_q=128, uid=0),
        ],
        CHRONYD: [make_socket("UNCONN", "127.0.0.1:323", protocol=UDP, uid=0)],
        CELERY: [],
    }


def _leaking_at(clock: float) -> Snapshot:
    """gunicorn 7306 leaks a CLOSE_WAIT every 5 s; celery leaves TIME_WAITs towards the database."""
    held = _listeners()
    loose: list[InetSocket] = []
    for number in range(int(clock // STEP) + 1):
        remote = f"10.2.3.{4 if number % 4 else 9}:{51000 + number * 7}"
        leaked = number * STEP <= clock - STEP
        held[GUNICORN].append(
            (
                12 + number,
                make_socket("CLOSE_WAIT" if leaked else "ESTABLISHED", "10.0.0.7:8080", remote, recv_q=int(leaked)),
            )
        )
    for number in range(34):
        held[NGINX].append(
            (20 + number, make_socket("ESTABLISHED", "10.0.0.7:443", f"203.0.113.{number + 3}:{40000 + number}"))
        )
    for number in range(9):
        held[NGINX].append(
            (
                60 + number,
                make_socket("ESTABLISHED", f"10.0.0.7:{38000 + number}", "10.0.0.7:8080", send_q=number % 2 * 512),
            )
        )
        held[GUNICORN_2].append(
            (12 + number, make_socket("ESTABLISHED", "10.0.0.7:8080", f"10.0.0.7:{38000 + number}"))
        )
    held[NGINX].append((70, make_socket("ESTABLISHED", "[2001:db8::7]:443", "[2001:db8:85a3::8a2e:370:7334]:52011")))
    held[SSHD].append((4, make_socket("ESTABLISHED", "10.0.0.7:22", "198.51.100.23:60112", uid=0)))
    loose += _celery(clock, held)
    loose += [
        make_socket("FIN_WAIT2", "10.0.0.7:443", f"203.0.113.{number + 60}:{41000 + number}", inode=0)
        for number in range(3)
    ]
    sockets = {s.cookie: s for items in held.values() for item in items for s in [_bare(item)]}
    return make_snapshot(
        [*sockets.values(), *loose],
        held,
        clock=clock,
        trace=Trace(on=True),
        parameters=PARAMETERS,
        close_wait_times={
            s.cookie: (clock - (at + 1) * STEP + 2.0, clock - (at + 1) * STEP + 2.3)
            for at, s in enumerate(_bare(item) for item in held[GUNICORN][1:])
            if s.state == tcp_state.CLOSE_WAIT
        },
        descriptors={GUNICORN: DescriptorUse(850 + len(held[GUNICORN]), 1024)},
    )


def _bare(item: InetSocket | tuple[int, InetSocket]) -> InetSocket:
    return item if isinstance(item, InetSocket) else item[1]


def _celery(clock: float, held: Held) -> Iterable[InetSocket]:
    """A connection a task: open for a refresh, then TIME_WAIT for a minute."""
    for number in range(int(clock // STEP) * 2 + 2):
        opened = number // 2 * STEP
        pair = (f"10.0.0.7:{45000 + number}", "10.9.1.1:5432")
        if clock < opened + STEP:
            held[CELERY].append((9 + number % 2, make_socket("ESTABLISHED", *pair, uid=33)))
        elif clock < opened + STEP + 60:
            yield make_socket("TIME_WAIT", *pair, time_left=60 - (clock - opened - STEP) - 0.5)
    left = NOW - clock  # the rest was open between two refreshes, and never seen so
    if left < 18:
        for number in range(2):
            yield make_socket("TIME_WAIT", f"10.0.0.7:{52344 + number}", "10.9.1.9:6379", time_left=41.5 + left)
    if left < 46:
        for number in range(3):
            remote = f"198.51.100.{40 + number}:33{number}21"
            yield make_socket("TIME_WAIT", "10.0.0.7:22", remote, time_left=13.5 + left)


def leaking_server() -> list[Snapshot]:
    """Five minutes of a server whose gunicorn leaks."""
    return [_leaking_at(step * STEP) for step in range(int(NOW / STEP) + 1)]


DETAILS: Final = {
    GUNICORN.pid: ProcessDetail(
        pid=GUNICORN.pid,
        name=GUNICORN.name,
        command=GUNICORN.command,
        user="www-data",
        parents=("7300 gunicorn", "1 systemd"),
        started_at=1_767_614_400.0 + NOW - 273_840,
        cpu_percent=4.0,
        memory_bytes=212 << 20,
        threads=4,
        descriptors=912,
        descriptor_limit=1_024,
        cwd="/srv/shop",
    )
}


def healthy_server() -> list[Snapshot]:
    """No CLOSE_WAIT, no TIME_WAIT."""
    held = _listeners()
    held[SSHD].append((4, make_socket("ESTABLISHED", "10.0.0.7:22", "198.51.100.23:60112", uid=0)))
    sockets = {s.cookie: s for items in held.values() for item in items for s in [_bare(item)]}
    return [make_snapshot(list(sockets.values()), held, clock=clock) for clock in (NOW - 1, NOW)]


def unprivileged() -> list[Snapshot]:
    """The same server seen by a user who may look into its own processes only."""
    return [
        replace(
            snapshot,
            holders={inode: holders for inode, holders in snapshot.holders.items() if holders[0].process == SSHD},
            unreadable=84,
            privileged=False,
            trace=Trace(why_not="not permitted"),
        )
        for snapshot in leaking_server()
    ]


def traced_clients() -> list[Snapshot]:
    """Clients that lived for milliseconds, named by the kernel's reports; of one close two processes are reported."""
    held: Held = {POSTGRES: [make_socket("LISTEN", "10.9.1.1:5432", send_q=200, uid=70)]}
    listener = _bare(next(iter(held[POSTGRES])))
    sockets, reports = [listener], []
    for number, name in enumerate(("curl", "curl", "healthcheck.sh", "psql", "backup", "rsync")):
        ends = f"10.0.0.7:{45000 + number}", "10.9.1.9:6379"
        s = make_socket("TIME_WAIT", *ends, time_left=59.5 - number)
        sockets.append(s)
        closed = NOW - 1.0 - number
        names = (name, "proxy") if name == "backup" else (name,)
        reports += [
            Transition(closed, tcp_state.FIN_WAIT1, Process(4711 + 10 * number + at, each, "", -1 - at), *s[3:7])
            for at, each in enumerate(names)
        ]
    lossy = Trace(on=True, transitions=sorted(reports), gaps=[(NOW - 5.5, NOW - 5.0)], lost=17)
    looks = [make_snapshot([listener], held, clock=NOW - step, trace=Trace(on=True)) for step in (10, 9, 8)]
    return [*looks, make_snapshot(sockets, held, clock=NOW, trace=lossy, pids=[POSTGRES.pid])]


def hostile() -> list[Snapshot]:
    """Names as clean_text makes them of escape codes, markup, bidi overrides and wide characters."""
    names = [
        "\\x1b[2J\\x1b[31mred",
        "[/weird][@click=app.quit]nginx[/]",
        "\\u202egnp.exe",
        "日本語プロセス名前",
        "line\\nbreak",
        "e\u0301\u0301 combining",
    ]
    held: Held = {
        make_process(100 + number, name, f"{name} --arg [b]x[/b]"): [
            make_socket("CLOSE_WAIT", f"10.0.0.7:{9000 + number}", f"10.2.3.4:{5000 + number}")
        ]
        for number, name in enumerate(names)
    }
    sockets = [_bare(item) for items in held.values() for item in items]
    return [make_snapshot(sockets, held, clock=clock, host="[/]web\\x07-07") for clock in (NOW - 1, NOW)]


def empty() -> list[Snapshot]:
    """A system without any socket."""
    return [make_snapshot([], {}, clock=NOW)]


def with_warning(sentence: str) -> list[Snapshot]:
    """A server whose table could not be read completely."""
    snapshots = leaking_server()
    return [*snapshots[:-1], replace(snapshots[-1], complete=False, warnings=(sentence,))]


#: What may be found on the leaking server.
LEAK: Final = Finding(
    kind="close-wait-leak",
    urgency="critical",
    title="gunicorn 7306 leaks CLOSE_WAIT: 60, +12/min, oldest 5m, descriptors run out in ~20m",
    facts=(
        "60 of its 61 sockets are CLOSE_WAIT: the peer has closed, the process has not called close().",
        "45 of them are from 10.2.3.4, 15 from 10.2.3.9; each has unread bytes, so the process no longer reads them.",
        "It has used 912 of 1,024 descriptors; the sockets are fd 12 to 71.",
    ),
    remedies=(
        "Close the socket when recv() returns 0, on every path: use with or try/finally around each connection.",
        "Until it is mended, restart gunicorn before its descriptors run out.",
    ),
    state=tcp_state.CLOSE_WAIT,
    filter="cw pid:7306",
    group="pid:7306:4200",
    pid=7306,
    certain=True,
)
PRESSURE: Final = Finding(
    kind="time-wait-ports",
    urgency="warning",
    title="TIME_WAIT towards 10.9.1.1:5432 hold 19,762 of 28,232 local ports (70%)",
    facts=("From 10.0.0.7, net.ipv4.ip_local_port_range is 32768 to 60999.", "This side closes first."),
    remedies=("Keep connections open and reuse them: a connection pool or keep-alive.",),
    state=tcp_state.TIME_WAIT,
    filter="tw raddr:10.9.1.1:5432",
)
LOOPBACK: Final = Finding(
    kind="listen-loopback",
    urgency="notice",
    title="postgres 812 listens on 127.0.0.1:5432 alone: nobody reaches it from other machines",
    facts=("That is right for a database behind a local application.",),
    remedies=("If others are to reach it, let it listen on another address, and look at the firewall.",),
    state=tcp_state.LISTEN,
    filter="listen lport:5432",
    group="pid:812:800",
    pid=812,
    certain=True,
)
FINDINGS: Final = (LEAK, PRESSURE, LOOPBACK)
