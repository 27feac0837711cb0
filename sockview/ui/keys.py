"""Every key as data: bindings, the key line and the help are all made from this table."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from textual.binding import Binding


@dataclass(frozen=True, slots=True)
class Key:
    """One action and the keys that start it."""

    keys: str
    """Textual key names, separated by commas."""
    action: str
    """A Textual action of the app; empty where a widget has its own for these keys."""
    shown: str
    """The keys as people write them."""
    help: str
    """What it does, in a sentence fragment."""
    section: str
    priority: bool = False
    """Taken by the app before the focused widget sees it: works while the filter is typed, and keys that
    arrive in one burst behind it go where it leads."""


KEYS: Final[tuple[Key, ...]] = (
    Key("slash", "edit_filter", "/", "filter as you type", "Filter", priority=True),
    Key("enter", "keep_filter", "Enter", "while typing: keep the filter, back to the table", "Filter", priority=True),
    Key("escape", "clear_filter", "Esc", "while typing: clear the filter, back to the table", "Filter", priority=True),
    Key("w", "toggle_state('close_wait')", "w", "show CLOSE_WAIT, or no longer", "Filter"),
    Key("t", "toggle_state('time_wait')", "t", "show TIME_WAIT, or no longer", "Filter"),
    Key("e", "toggle_state('established')", "e", "show ESTABLISHED, or no longer", "Filter"),
    Key("l", "toggle_state('listen')", "l", "show LISTEN, or no longer", "Filter"),
    Key("a", "show_all", "a", "show all sockets: lift the filter", "Filter"),
    Key("v", "next_view", "v", "next view: sockets, by process, by remote", "View"),
    Key("s", "next_sort", "s", "sort by the next column (or click its heading)", "View"),
    Key("S", "reverse_sort", "S", "reverse the order", "View"),
    Key("enter", "open_row", "Enter", "a group: its sockets; a socket: enlarge its process", "View"),
    Key("escape", "go_back", "Esc", "back: from the enlarged pane, a group, a filter, tags", "View"),
    Key("f", "findings", "f", "findings: what is wrong, how it is known, what to do", "View", priority=True),
    Key("i", "explain", "i", "what the state means, why sockets stay in it, what to do", "View", priority=True),
    Key("tab,shift+tab", "other_part", "Tab", "to the histogram and back", "View", priority=True),
    Key("up,down", "", "↑ ↓ Enter", "in the histogram: choose a state, filter by it, lift it again", "View"),
    Key("y", "copy_pid", "y", "copy the PID of the row, or of the tagged rows", "Copy"),
    Key("Y", "copy_all_pids", "Y", "copy every PID of the filtered view", "Copy"),
    Key("space", "tag", "Space", "tag the row and go on to the next", "Copy"),
    Key("p", "pause", "p", "freeze the rows, or let them go", "Refresh"),
    Key("r", "refresh_now", "r", "refresh now", "Refresh"),
    Key("plus,equals_sign", "slower", "+", "longer interval", "Refresh"),
    Key("minus", "faster", "-", "shorter interval", "Refresh"),
    Key("question_mark,f1,h", "help", "?", "this help", "Program"),
    Key("ctrl+l", "repaint", "Ctrl+L", "draw the screen anew", "Program", priority=True),
    Key("ctrl+z", "suspend_process", "Ctrl+Z", "to the shell; fg brings it back", "Program", priority=True),
    Key("q", "quit", "q", "quit", "Program"),
    Key("ctrl+c", "quit", "Ctrl+C", "quit, also while typing", "Program", priority=True),
)

MOVES: Final[tuple[Key, ...]] = (
    Key("j,down", "move(1)", "j ↓", "down", "Move"),
    Key("k,up", "move(-1)", "k ↑", "up", "Move"),
    Key("pagedown,ctrl+f", "page(1)", "PgDn", "a page down", "Move"),
    Key("pageup,ctrl+b", "page(-1)", "PgUp", "a page up", "Move"),
    Key("g,home", "first", "g Home", "first row", "Move"),
    Key("G,end", "last", "G End", "last row", "Move"),
)

#: The key line: keys that share a word, most needed first; a narrow screen leaves out the last.
LINE: Final[tuple[tuple[str, str], ...]] = (
    ("/", "filter"),
    ("w t e l a", "states"),
    ("v", "view"),
    ("s", "sort"),
    ("y Y", "copy"),
    ("i", "explain"),
    ("?", "help"),
    ("q", "quit"),
    ("p", "pause"),
    ("f", "findings"),
)


def bindings(keys: tuple[Key, ...]) -> list[Binding]:
    """Textual bindings for these keys; the footer and help are our own."""
    return [Binding(key.keys, key.action, key.help, show=False, priority=key.priority) for key in keys if key.action]


def line_keys() -> list[tuple[list[Key], str]]:
    """The key line: keys and the word that they share."""
    by_shown = {key.shown: key for key in KEYS}
    return [([by_shown[shown] for shown in group.split()], word) for group, word in LINE]
