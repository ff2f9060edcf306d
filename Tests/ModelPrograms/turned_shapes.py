"""Broken on purpose: a trained network whose times and velocities are those of the other convention."""

import sys

import tributary
from tributary.shapes import BuiltIn


class Turned(BuiltIn):
    def velocities(self, x, sigma, encoded, guidance):
        return -super().velocities(x, 1 - sigma, encoded, guidance)


if __name__ == "__main__":
    tributary.serve(Turned.of("shapes", sys.argv[1]))
