"""One actor and no fault; the hash is that of the run that all others are compared with, made again."""

from disturbances import actors


def scenario(chaos):
    return actors(chaos, 1)
