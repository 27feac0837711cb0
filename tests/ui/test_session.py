"""The session's variables are found above sudo and su, and only there."""

from __future__ import annotations

from pathlib import Path

from sockview.ui.session import session_environ


def add_process(proc: Path, pid: int, parent: int, environ: bytes, name: bytes = b"bash") -> None:
    folder = proc / str(pid)
    folder.mkdir(parents=True)
    (folder / "environ").write_bytes(environ)
    (folder / "stat").write_bytes(b"%d (%s) S %d 1 1 0" % (pid, name, parent))


def test_the_nearest_ancestor_with_a_session_gives_all_its_variables(tmp_path: Path) -> None:
    add_process(tmp_path, 30, 20, b"PATH=/bin\0TERM=tmux-256color\0")
    add_process(tmp_path, 20, 10, b"TMUX=/tmp/tmux-1000/default,7,0\0TMUX_PANE=%3\0HOME=/home/me\0", name=b"a) S 1 (b")
    add_process(tmp_path, 10, 1, b"SSH_TTY=/dev/pts/9\0")

    found = session_environ({"TERM": "tmux-256color", "HOME": "/root"}, str(tmp_path), 30)

    assert found == {
        "TERM": "tmux-256color",
        "HOME": "/root",
        "TMUX": "/tmp/tmux-1000/default,7,0",
        "TMUX_PANE": "%3",
    }


def test_own_session_is_not_looked_up_elsewhere(tmp_path: Path) -> None:
    add_process(tmp_path, 30, 1, b"TMUX=/tmp/other,1,0\0")
    own = {"SSH_CONNECTION": "192.0.2.1 1 192.0.2.2 22"}
    assert session_environ(own, str(tmp_path), 30) == own


def test_search_ends_quietly_where_nothing_can_be_read(tmp_path: Path) -> None:
    add_process(tmp_path, 30, 29, b"")
    assert session_environ({"TERM": "xterm"}, str(tmp_path), 30) == {"TERM": "xterm"}
    assert session_environ({"TERM": "xterm"}, str(tmp_path / "none"), 30) == {"TERM": "xterm"}


def test_a_circle_of_parents_ends(tmp_path: Path) -> None:
    add_process(tmp_path, 30, 31, b"A=1\0")
    add_process(tmp_path, 31, 30, b"A=1\0")
    assert session_environ({}, str(tmp_path), 30) == {}
