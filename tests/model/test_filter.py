"""What each word of the filter language lets through, on one small table."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from sockview.model import tcp_state
from sockview.model.filter import BARE_WORDS, FILTER_KEYS, parse_filter
from sockview.model.filter_keys import find_key
from sockview.model.inet_socket import UDP, InetSocket
from sockview.model.query import Age
from sockview.model.selection import Selection
from sockview.model.socket_table import SocketTable
from sockview.model.steps import finish
from tests.model.builders import busy_snapshot, make_process, make_snapshot, make_socket, make_table

GUNICORN = make_process(7306, "gunicorn", "gunicorn: worker [app] --bind 10.9.9.9:1")
PREFORK = make_process(7307, "gunicorn", "gunicorn: worker [app] --bind 10.9.9.9:1")
NGINX = make_process(80, "Nginx", "nginx: worker process")
CELERY = make_process(9000, "celery", "python3 -m celery")

SOCKETS = {
    "leak": make_socket("CLOSE_WAIT", "10.0.0.7:8080", "10.2.3.4:51234", recv_q=1),
    "shared": make_socket("ESTABLISHED", "10.0.0.7:8080", "10.2.3.5:443", send_q=70_000),
    "listen": make_socket("LISTEN", "0.0.0.0:8080", uid=0),
    "v6listen": make_socket("LISTEN", "[::1]:443", uid=0),
    "v6": make_socket("ESTABLISHED", "[2001:db8::1]:50000", "[2001:db8::2]:5432", uid=70),
    "wait": make_socket("TIME_WAIT", "127.0.0.1:49152", "127.0.0.1:7306", time_left=29.5),
    "left": make_socket("TIME_WAIT", "10.0.0.7:8080", "10.2.9.9:50001", time_left=1.0),
    "udp": make_socket("UNCONN", "[::]:53", protocol=UDP, uid=1234, recv_q=None, send_q=None),
    "mapped": make_socket("ESTABLISHED", "10.0.0.7:9000", "10.2.3.4:40000")._replace(family=6),
    "half": make_socket(tcp_state.SYN_RECV, "10.0.0.7:8080", "192.0.2.1:1024", inode=0),
}


@pytest.fixture(scope="module")
def table() -> SocketTable:
    held = {
        GUNICORN: [SOCKETS["leak"], SOCKETS["shared"], SOCKETS["mapped"]],
        PREFORK: [SOCKETS["shared"]],
        NGINX: [SOCKETS["listen"], SOCKETS["v6listen"]],
        CELERY: [SOCKETS["v6"]],
    }
    return make_table(make_snapshot(list(SOCKETS.values()), held, unreadable=1))


def passing(table: SocketTable, text: str) -> set[str]:
    names = {s: name for name, s in SOCKETS.items()}
    return {names[s] for s in sieved(table, text)}


def sieved(table: SocketTable, text: str) -> Sequence[InetSocket]:
    """The sockets of the table that pass the filter: asked all at once, and one by one."""
    chosen, sockets = parse_filter(text), table.snapshot.sockets
    passing = finish(chosen.sieve_steps(Selection(table, sockets))).sockets
    if len(sockets) <= MOST_ALONE:
        assert list(passing) == [
            s for one in sockets for s in finish(chosen.sieve_steps(Selection(table, [one]))).sockets
        ]
    return passing


#: Sockets of a table that are also asked one by one.
MOST_ALONE = 100
ALL = set(SOCKETS)
LOOPBACK = {"v6listen", "wait"}

CASES: list[tuple[str, set[str]]] = [
    ("", ALL),
    ("  \t ", ALL),
    # states
    ("state:cw", {"leak"}),
    ("STATE:Close-Wait", {"leak"}),
    ("cw", {"leak"}),
    ("closewait", {"leak"}),
    ("state:cw,tw", {"leak", "wait", "left"}),
    ("cw,tw", {"leak", "wait", "left"}),
    ("syn_recv", {"half"}),
    ("!state:listen,estab !udp -tw", {"leak", "half"}),
    # ports
    ("port:443", {"shared", "v6listen"}),
    (":443", {"shared", "v6listen"}),
    ("*:443", {"shared", "v6listen"}),
    ("lport:443", {"v6listen"}),
    ("rport:443", {"shared"}),
    ("sport:443", {"v6listen"}),
    ("port:440-450,53", {"shared", "v6listen", "udp"}),
    (":50000-50001", {"v6", "left"}),
    ("port:44", set()),
    # a bare number is a port or a PID, exactly
    ("7306", {"leak", "shared", "mapped", "wait"}),
    ("730", set()),
    ("99999999", set()),
    # owners: every holder, likely ones too
    ("pid:7307", {"shared"}),
    ("pid:7306,9000", {"leak", "shared", "mapped", "v6"}),
    ("pid:80", {"listen", "v6listen", "left", "half"}),
    ("pid:none", {"wait", "udp"}),
    ("!pid:none", ALL - {"wait", "udp"}),
    ("pid:none,7307", {"wait", "udp", "shared"}),
    ("proc:nginx", {"listen", "v6listen", "left", "half"}),
    ("proc:GUNI,celery", {"leak", "shared", "mapped", "v6"}),
    ("proc:python3", set()),
    ("cmd:python3", {"v6"}),
    ('cmd:"worker [app]"', {"leak", "shared", "mapped"}),
    # users
    ("user:www-data", {"leak", "shared", "mapped"}),
    ("user:WWW-Data", {"leak", "shared", "mapped"}),
    ("user:www", set()),
    ("user:0", {"listen", "v6listen"}),
    ("uid:1234", {"udp"}),
    ("user:root,postgres", {"listen", "v6listen", "v6"}),
    # addresses
    ("addr:10.2.3.4", {"leak", "mapped"}),
    ("addr:::ffff:10.2.3.4", {"leak", "mapped"}),
    ("addr:10.2.3.0/24", {"leak", "shared", "mapped"}),
    ("addr:::ffff:10.2.3.0/120", {"leak", "shared", "mapped"}),
    ("addr:10.2.3.77/24", {"leak", "shared", "mapped"}),
    ("addr:10.2.", {"leak", "shared", "mapped", "left"}),
    ("raddr:10.0.0.7", set()),
    ("laddr:10.0.0.7", {"leak", "shared", "mapped", "left", "half"}),
    ("addr:::/0", {"v6", "v6listen", "udp"}),
    ("addr:0.0.0.0/0", ALL - {"v6", "v6listen", "udp"}),
    ("addr:2001:DB8:0::2", {"v6"}),
    ("addr:[2001:db8::2]", {"v6"}),
    ("raddr:[2001:db8::2]:5432", {"v6"}),
    ("laddr:[2001:db8::2]:5432", set()),
    ("addr:2001:db8", {"v6"}),
    ("addr:10.0.0.7:9000", {"mapped"}),
    ("addr:gunicorn", set()),
    ("10.2.3.4:51234", {"leak"}),
    ("[::1]:443", {"v6listen"}),
    ("[::]:*", {"v6listen", "udp"}),
    ("::1", {"v6listen"}),
    ("2001:db8::/32", {"v6"}),
    ("10.2.3.4", {"leak", "mapped"}),
    ("10.9.9.9", {"leak", "shared", "mapped"}),
    ("lo", LOOPBACK),
    ("-lo", ALL - LOOPBACK),
    # protocols
    ("proto:udp", {"udp"}),
    ("udp", {"udp"}),
    ("proto:tcp6", {"v6", "v6listen", "mapped"}),
    ("tcp6,udp6", {"v6", "v6listen", "mapped", "udp"}),
    ("proto:tcp4 estab", {"shared"}),
    ("tcp", ALL - {"udp"}),
    # queues: what is not known matches no comparison
    ("recvq:>0", {"leak"}),
    ("Recv-Q:>0", {"leak"}),
    ("recvq:1", {"leak"}),
    ("recvq:>=0", ALL - {"udp"}),
    ("recvq:<1", ALL - {"udp", "leak"}),
    ("sendq:>64k", {"shared"}),
    ("sendq:>=70000", {"shared"}),
    ("sendq:<=1m sendq:>0", {"shared"}),
    # ages: TIME_WAIT is known exactly, the others are new to the table and have no upper bound
    ("age:>30s", {"wait", "left"}),
    ("age:>58", {"left"}),
    ("age:=30s", {"wait"}),
    ("age:<31s", {"wait"}),
    ("age:<=1m", {"wait", "left"}),
    ("age:>1h30m", set()),
    # bare text
    ("nginx", {"listen", "v6listen", "left", "half"}),
    ("postgres", {"v6"}),
    ("PYTHON3", {"v6"}),
    ("10.2.9", {"left"}),
    ("db8", {"v6"}),
    ('"worker process"', {"listen", "v6listen", "left", "half"}),
    ('"lo"', set()),
    ('"tw"', set()),
    # words are ANDed, signs turn round
    ("cw :8080 gunicorn", {"leak"}),
    ("cw nginx", set()),
    ("!cw !tw !listen tcp4", {"shared", "half"}),
    ("!!cw", {"leak"}),
    ("-cw,tw,listen tcp4", {"shared", "half"}),
    ("10.2.3.5,10.2.9.9:50001,udp,cw", {"shared", "left", "udp", "leak"}),
]


@pytest.mark.parametrize(("text", "expected"), CASES, ids=[text for text, _ in CASES])
def test_lets_through(table: SocketTable, text: str, expected: set[str]) -> None:
    assert passing(table, text) == expected


@pytest.mark.parametrize("text", [text for text, _ in CASES if text.strip()])
def test_negation_is_the_complement_of_a_word(table: SocketTable, text: str) -> None:
    for word in (text,) if text.startswith('"') else text.split() if '"' not in text else ():
        assert passing(table, f"!{word}") == ALL - passing(table, word)


def test_everything() -> None:
    assert parse_filter("  ").is_everything
    assert not parse_filter("cw").is_everything
    assert parse_filter("cw :80").text == "cw :80"


def test_a_filter_is_a_value() -> None:
    assert parse_filter("cw 10.0.0.0/8") == parse_filter("cw 10.0.0.0/8")
    assert len({parse_filter("age:>5m"), parse_filter("age:>5m")}) == 1


@pytest.mark.parametrize("key", FILTER_KEYS, ids=lambda key: key.key)
def test_every_documented_key_works_as_documented(table: SocketTable, key: object) -> None:
    entry = next(entry for entry in FILTER_KEYS if entry is key)
    assert entry.example.startswith(f"{entry.key}:")
    assert not parse_filter(entry.example).is_everything
    sieved(table, entry.example)
    assert all(find_key(name) is entry for name in (entry.key, *entry.aliases))


@pytest.mark.parametrize("word", BARE_WORDS, ids=lambda word: word.form)
def test_every_documented_bare_word_parses(table: SocketTable, word: object) -> None:
    entry = next(entry for entry in BARE_WORDS if entry is word)
    sieved(table, entry.example)


# ------------------------------------------------------------------ ages are bounds
class Aged(SocketTable):
    """A table whose every socket has one age."""

    def __init__(self, age: Age | None) -> None:
        table = make_table(make_snapshot([SOCKETS["leak"]]))
        self.__dict__.update(table.__dict__)
        self._age = age

    def age(self, s: InetSocket) -> Age | None:
        del s
        return self._age


@pytest.mark.parametrize(
    ("age", "matching"),
    [
        (
            Age(299.0, None),
            {"age:<=5m": False, "age:>5m": False, "age:>=299s": True, "age:>4m": True, "age:=4m": False},
        ),
        (Age(301.0, None), {"age:>5m": True, "age:<6m": False, "age:=5m": False}),
        (Age(200.0, 290.0), {"age:<5m": True, "age:<4m": False, "age:>3m": True, "age:>4m": False, "age:=3m": False}),
        (Age(301.0, 301.5), {"age:>5m": True, "age:<=5m": False, "age:=5m": True, "age:=301s": True, "age:=6m": False}),
        (Age(0.0, 1.0), {"age:<5m": True, "age:>=0": True, "age:=0s": True}),
        (None, {"age:<5m": False, "age:>=0": False, "age:=0s": False, "!age:>5m": True}),
    ],
)
def test_an_age_matches_only_what_is_certain(age: Age | None, matching: dict[str, bool]) -> None:
    table = Aged(age)
    assert {text: bool(sieved(table, text)) for text in matching} == matching


def test_the_bounds_of_a_close_wait_are_those_of_the_kernel() -> None:
    times = {1: (700.0, None), 2: (720.0, 720.5), 3: (650.0, 9000.0), 4: (10.0, 20.0)}
    sockets = [make_socket("CLOSE_WAIT", cookie=cookie) for cookie in times]
    table = make_table(make_snapshot(sockets, close_wait_times=times))
    expected = {"age:>11m": {1, 2}, "age:>10m": {1, 2, 3}, "age:<1h": {2, 4}, "age:=12m": {2}, "!age:>10m": {4}}
    for text, cookies in expected.items():
        assert {s.cookie for s in sieved(table, text)} == cookies


# ------------------------------------------------------------------ work that is not done
class Sealed(SocketTable):
    """A table that must not be asked for what costs time."""

    def __init__(self) -> None:
        self.__dict__.update(make_table(busy_snapshot(50)).__dict__)

    def age(self, s: InetSocket) -> Age | None:
        raise AssertionError(f"asked for the age of {s}")

    def user(self, s: InetSocket) -> str:
        raise AssertionError(f"asked for the user of {s}")

    attribution = claims = uid = user  # type: ignore[assignment]


@pytest.mark.parametrize("text", ["cw", ":8080 !lo", "port:8000-8100 tcp", "addr:10.0.0.0/8 recvq:0", "[::1]:443"])
def test_what_stands_in_the_socket_needs_nothing_else(text: str) -> None:
    table = Sealed()
    assert len(sieved(table, text)) < len(table.snapshot.sockets)


def test_cheap_words_are_asked_first_whatever_their_order() -> None:
    table = Sealed()
    assert not sieved(table, "evidence:hidden age:>5m user:root state:closing")


def test_a_pasted_list_of_pids_is_one_test() -> None:
    table = make_table(busy_snapshot(200))
    chosen = parse_filter("pid:" + ",".join(map(str, range(7300, 12_000))))
    assert len(chosen.condition.tests) == 1
    assert len(sieved(table, chosen.text)) == sum(bool(table.claims(s)) for s in table.snapshot.sockets)


def test_many_alternatives_and_many_words_do_not_exhaust_the_stack() -> None:
    table = make_table(busy_snapshot(20))
    wide = ",".join(f"name{number}" for number in range(3000))
    long = " ".join(f"!name{number}" for number in range(3000))
    assert not sieved(table, wide)
    assert list(sieved(table, long)) == list(table.snapshot.sockets)
