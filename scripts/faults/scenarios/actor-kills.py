"""Kills one of two actors, in turn, every --interval seconds, and starts another in its place.

What a dead actor held must be sampled again by others, and the run must end with the undisturbed hash.
"""

import time

from harness import Run


def scenario(chaos):
    interval = chaos.options.interval or 0.7
    run = Run(chaos, "actor-kills")
    run.start()
    kills = 0
    pair = [run.actor("a0"), run.actor("a1")]
    while run.goes_on:
        time.sleep(interval)
        pair[kills % 2].kill()
        pair[kills % 2] = run.actor(f"a{kills % 2}")
        kills += 1
    chaos.check(run)
    return f"{kills} actors killed, one every {interval} s"
