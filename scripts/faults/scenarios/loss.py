"""Loses 10 % of the packets between learner and actors; what is sent again must count once: the same run."""

from networks import network


def scenario(chaos):
    return network(chaos, "loss", "10 % of packets lost", loss=0.1)
