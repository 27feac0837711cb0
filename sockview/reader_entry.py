"""The first thing that runs in the reader process: loads the reader, or says why it cannot be loaded.

Named in the text that :mod:`sockview.reader_process` hands to the interpreter, so that the screen's
side imports nothing of the reader. It needs nothing of this package that could be broken itself.
"""

from __future__ import annotations

import gc
import socket


def run_reader(argv: list[str]) -> int:
    """Run the reader with the arguments of its main(). Returns the exit code."""
    gc.disable()  # the reader decides when to look for cycles; the imports have none worth their time
    try:
        from sockview.reader import main
    except Exception as error:
        # !a makes visible whatever a module's name or path may hold.
        why = f"{type(error).__name__}: {str(error)!a}"
        _tell(int(argv[0]), f"The reader cannot be loaded ({why[:400]}); install sockview again.")
        return 1
    return main(argv)


def _tell(descriptor: int, sentence: str) -> None:
    """One Trouble on the wire, without the wire's module: that may be what cannot be loaded."""
    import json

    line = json.dumps({"type": "Trouble", "text": sentence}) + "\n"
    with socket.socket(fileno=descriptor) as connection:
        connection.sendall(line.encode("ascii"))
