"""Drops every packet between learner and actors for 6 s; then they must find each other and go on."""

from networks import network


def scenario(chaos):
    return network(chaos, "partition", "no packet for 6 s", partition=6)
