"""Lets 20 Mbit/s through between learner and actors; whoever waits must not give up, and the run is the same run."""

from networks import network


def scenario(chaos):
    return network(chaos, "cap", "20 Mbit/s", rate_mbit=20)
