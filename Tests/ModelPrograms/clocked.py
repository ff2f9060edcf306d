"""A model whose own time is written down: how long its velocities and pullbacks take inside the program.

    clocked.py FOLDER MODULE ARGUMENTS…

At its end FOLDER/PID.json has its parent and the calls, their rows and the seconds in them, of each of the two kinds.
"""
import json
import os
import runpy
import signal
import sys
import time

import tributary
from tributary import server

folder, module = sys.argv[1:3]
spent = {kind: {"calls": 0, "rows": 0, "seconds": 0.0} for kind in ("velocities", "pullback")}


def clocked(kind, function):
    def call(kept, rows, *rest):
        began = time.perf_counter()
        try:
            return function(kept, rows, *rest)
        finally:
            spent[kind]["calls"] += 1
            spent[kind]["rows"] += len(rows.x)
            spent[kind]["seconds"] += time.perf_counter() - began
    return call


def serve(model):
    model.forward = clocked("velocities", model.forward)
    model.backward = clocked("pullback", model.backward)
    served(model)


def leave(status):
    """The package ends the process at once, with nothing after it; so does whoever asks it to end."""
    write()
    left(status)


def write():
    with open(os.path.join(folder, f"{os.getpid()}.json"), "w") as file:
        json.dump({"parent": os.getppid(), **spent}, file)


served = server.serve
tributary.serve = server.serve = serve
left, os._exit = os._exit, leave
signal.signal(signal.SIGTERM, lambda *_: leave(0))
sys.argv = [module, *sys.argv[3:]]
runpy.run_module(module, run_name="__main__", alter_sys=True)
