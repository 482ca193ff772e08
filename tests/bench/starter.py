"""Run a program once and print its seconds and its peak of resident memory.

A child's peak counts from what the process that starts it holds, so this one imports next to
nothing and is itself started without site-packages (``python -S``).
"""

import os
import sys
import time

if __name__ == "__main__":
    quiet = [(os.POSIX_SPAWN_OPEN, stream, os.devnull, os.O_WRONLY, 0) for stream in (1, 2)]
    begin = time.perf_counter()
    child = os.posix_spawn(sys.argv[1], sys.argv[1:], os.environ, file_actions=quiet)
    _, status, usage = os.wait4(child, 0)
    seconds = time.perf_counter() - begin
    print(seconds, usage.ru_maxrss)
    sys.exit(1 if status else 0)
