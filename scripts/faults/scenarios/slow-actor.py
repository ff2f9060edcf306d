"""Lets one of two actors run a tenth of the time; what it delivers late must not change the hash."""

import signal
import time

from harness import Run


def scenario(chaos):
    run = Run(chaos, "slow-actor")
    run.start()
    slow = run.actor("slow")
    run.actor("quick")
    while run.goes_on:
        slow.send(signal.SIGSTOP)
        time.sleep(0.09)
        slow.send(signal.SIGCONT)
        time.sleep(0.01)
    chaos.check(run)
    return "one of two actors runs a tenth of the time"
