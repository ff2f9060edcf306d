"""Kills the learner right after a checkpoint, and all actors with it, so that nobody has weights.

A checkpoint that was being written, or is gone with the power, must not lose what was reported as committed.
"""

from disturbances import learner_kills


def scenario(chaos):
    return learner_kills(chaos, at_checkpoints=True)
