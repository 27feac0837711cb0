"""sockview: which processes hold CLOSE_WAIT or leave TIME_WAIT sockets, live in the terminal."""

__version__ = "0.3.0"
