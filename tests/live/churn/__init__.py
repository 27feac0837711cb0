"""A crowd of real processes that open and close loopback sockets in every way, and the truth about them.

run.py      starts the crowd and ends it; `churning()` for tests
worker.py   what the long-lived processes have in common
server.py   the long-lived processes that accept connections
client.py   the long-lived processes that open connections
brief.py    processes that live for milliseconds, reuse ports and PIDs
twin.py     the same ends once more, in another network namespace
rights.py   what they may do here
orders.py   how one connection ends: what a client asks its server to do
events.py   what each of them writes down about what it did
truth.py    what follows from it: who held a socket, who closed it first, since when it is in its state
watcher.py  a process that watches the crowd with sockview's source and memory
looks.py    what it writes down
verdict.py  what sockview said of a row against the truth

Hardly more than the standard library in the processes of the crowd: they are many, and must start quickly.
"""
