"""What several scenarios of `chaos` do, each in its own way; each returns in words what was done."""

import os
import signal
import time

from harness import Run


def actors(chaos, count):
    """So many actors and no fault."""
    run = Run(chaos, f"actors-{count}")
    run.start()
    for index in range(count):
        run.actor(f"a{index}")
    chaos.check(run)
    return f"{count} actors"


def learner_kills(chaos, lag=1, at_checkpoints=False):
    """Kills of the learner, most of them with the power; at checkpoints all actors die with it."""
    options, rng = chaos.options, chaos.rng
    run = Run(chaos, f"learner-kills-{lag}-{at_checkpoints:d}", lag)
    run.start()
    for index in range(2):
        run.actor(f"a{index}")
    taken = kills = cuts = 0
    while kills < options.kills and run.goes_on:
        if at_checkpoints:
            saved = len(os.listdir(f"{run.folder}/checkpoints"))
            run.until(lambda: not run.learner.is_running
                      or len(os.listdir(f"{run.folder}/checkpoints")) != saved, "a checkpoint")
        else:
            time.sleep(rng.uniform(0, options.interval or 1.2))
        if not run.learner.is_running:
            break
        is_power_cut = rng.random() < 0.7
        cuts += is_power_cut
        taken += run.kill_learner(is_power_cut)
        kills += 1
        if at_checkpoints:
            for actor in run.actors:
                actor.kill()
        run.start()
        if at_checkpoints:
            run.actors = [run.actor(f"b{kills}-{index}") for index in range(2)]
    chaos.check(run)
    return f"{kills} learners killed, {cuts} with their power, {taken} files or renames taken away"


def stopped(chaos, who, seconds=20):
    """A process that stands still and goes on."""
    run = Run(chaos, f"stopped-{who}")
    run.start()
    pair = [run.actor("a0"), run.actor("a1")]
    run.until(lambda: run.version() >= 3, "three updates")
    process = run.learner if who == "learner" else pair[0]
    process.send(signal.SIGSTOP)
    time.sleep(seconds)
    process.send(signal.SIGCONT)
    chaos.check(run)
    return f"the {who} stopped for {seconds} s"
