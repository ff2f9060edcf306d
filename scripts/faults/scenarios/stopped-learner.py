"""Stops the learner for 20 s and lets it go on: its actors must wait or come again, and the run is the same run."""

from disturbances import stopped


def scenario(chaos):
    return stopped(chaos, "learner")
