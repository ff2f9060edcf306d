"""Two actors share the units in an order that nobody knows; the hash is that of one actor."""

from disturbances import actors


def scenario(chaos):
    return actors(chaos, 2)
