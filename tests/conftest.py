"""What all tests stand on."""

from __future__ import annotations

import signal

# A runner that was started in the background ignores SIGINT and SIGQUIT, and so would every program under
# test: an ignored signal stays ignored across exec (execve(2)), a handled one becomes the default again.
signal.signal(signal.SIGINT, signal.default_int_handler)
signal.signal(signal.SIGQUIT, signal.SIG_DFL)
