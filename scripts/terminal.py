"""Runs a command on a terminal of its own.

    python3 terminal.py COLUMNS ROWS terminal|pipe COMMAND...

Its stdin and stderr are that terminal; so is its stdout, unless that is to be a pipe: then it is ours. What we read is typed, and
what the terminal shows is written to stderr. Ends as the command does.
"""

import fcntl
import os
import pty
import select
import signal
import struct
import subprocess
import sys
import termios

columns, rows, out, *command = sys.argv[1:]
master, slave = pty.openpty()
fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack('HHHH', int(rows), int(columns), 0, 0))
child = subprocess.Popen(
    command,
    stdin=slave,
    stdout=None if out == 'pipe' else slave,
    stderr=slave,
    start_new_session=True,
    preexec_fn=lambda: fcntl.ioctl(slave, termios.TIOCSCTTY, 0),
)
os.close(slave)
signal.signal(signal.SIGTERM, lambda number, frame: child.terminate())

watched = [master, 0]
while master in watched:
    for ready in select.select(watched, [], [])[0]:
        try:
            data = os.read(ready, 65536)
        except OSError:
            data = b''  # of a terminal: nobody holds it any more
        if not data:
            watched.remove(ready)
        else:
            os.write(2 if ready == master else master, data)

code = child.wait()
sys.exit(128 - code if code < 0 else code)
