"""Four actors, more than a small machine has cores; the hash is that of one actor."""

from disturbances import actors


def scenario(chaos):
    return actors(chaos, 4)
