"""Lets --kills syncs of the journal fail, in half of the cases followed by a power cut.

The learner must end with exit code 74, and leave nothing in the journal that is not durable: the next life would
count on it.
"""

import glob
import os
import time

import disk
from harness import Run
from processes import Broken


def scenario(chaos):
    options, rng = chaos.options, chaos.rng
    run = Run(chaos, "disk-errors")
    run.start()
    run.actor("a0")
    run.actor("a1")
    errors = cuts = 0
    while run.goes_on and errors < options.kills:
        time.sleep(rng.uniform(0, options.interval or 1.2))
        open(run.record + ".eio", "w").close()
        run.until(lambda: not run.learner.is_running, "the end of a learner whose disk fails")
        if run.learner.child.returncode == 0:
            break
        if run.learner.child.returncode != 74:
            raise Broken(f"a failing disk ends a learner with {run.learner.child.returncode}:\n"
                         + run.learner.text[-2000:])
        errors += 1
        durable = disk.durable(run.record)
        for path in glob.glob(f"{run.folder}/journal/segment-*.tfr"):
            if os.path.getsize(path) > durable.get(path, 0):
                raise Broken(f"{path} has {os.path.getsize(path)} bytes after a failed sync, of which"
                             f" {durable.get(path, 0)} are durable: the next life would count on them")
        is_power_cut = rng.random() < 0.5
        cuts += is_power_cut
        run.kill_learner(is_power_cut)
        run.start()
    if os.path.exists(run.record + ".eio"):
        os.remove(run.record + ".eio")
    chaos.check(run)
    return f"{errors} syncs of the journal failed, after {cuts} the power"
