"""Fills the disk of the run folder for 20 s, and then makes room again. Needs root.

A learner that cannot write must end with exit code 74 and nothing else, however often it is started; with room
again it must go on with all that it had reported as committed.
"""

import os
import subprocess
import time

from harness import Run
from processes import Broken

SECONDS = 20


def scenario(chaos):
    small = chaos.place.path("small")
    os.mkdir(small)
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64m", "none", small], check=True)
    try:
        run = Run(chaos, "disk-full", folder=os.path.join(small, "run"))
        run.start()
        run.actor("a0")
        run.actor("a1")
        run.until(lambda: run.version() >= 3, "three updates")
        ballast = os.path.join(small, "ballast")
        with open(ballast, "wb") as file:
            try:
                while True:
                    file.write(b"x" * 65536)
                    file.flush()
            except OSError:
                pass
        ends = time.monotonic() + SECONDS
        lives = []
        while time.monotonic() < ends or not run.goes_on:
            if time.monotonic() >= ends and os.path.exists(ballast):
                os.remove(ballast)
            if not run.learner.is_running:
                if run.learner.child.returncode == 0:
                    break
                lives.append(run.learner.child.returncode)
                if run.learner.child.returncode != 74:
                    raise Broken(f"a full disk ends a learner with {lives[-1]}:\n{run.learner.text[-2000:]}")
                run.reported = max(run.reported, run.version())
                time.sleep(1)
                try:
                    run.start()
                except Broken:
                    if not os.path.exists(ballast):
                        raise
            time.sleep(0.05)
        if os.path.exists(ballast):
            os.remove(ballast)
        chaos.check(run)
        return f"disk full for {SECONDS} s, the learner ended {len(lives)} times with 74"
    finally:
        subprocess.run(["umount", "--lazy", small])
