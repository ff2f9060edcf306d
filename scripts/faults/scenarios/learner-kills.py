"""Kills the learner --kills times, at any moment, seven times of ten with the power, and starts it again.

No version that it had reported as committed may be missing in its next life, which must sync what it counts on;
the run must end with the undisturbed hash.
"""

from disturbances import learner_kills


def scenario(chaos):
    return learner_kills(chaos)
