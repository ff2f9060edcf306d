"""Stops one of two actors for 20 s, with units in its hands, and lets it go on.

The other one must finish what it held, and what it sends late must not be used a second time.
"""

from disturbances import stopped


def scenario(chaos):
    return stopped(chaos, "actor")
