"""`tributary.examples.linear`, whose processes say in MARKS/PID what they are doing, and take their time over it."""

import os
import time

import tributary
from tributary.examples.linear import Linear

PAUSE = 0.01  # seconds, so that a kill at a random moment often falls into a question


class Marked(Linear):
    def __init__(self):
        super().__init__()
        self.file = os.open(os.path.join(os.environ["MARKS"], str(os.getpid())), os.O_CREAT | os.O_RDWR)
        self.doing("nothing")

    def doing(self, what):
        os.pwrite(self.file, what.ljust(16).encode(), 0)

    def velocities(self, *question):
        self.doing("velocities")
        answer = super().velocities(*question)
        self.doing("nothing")
        return answer

    def pullback(self, *question):
        self.doing("pullback")
        time.sleep(PAUSE)
        answer = super().pullback(*question)
        self.doing("nothing")
        return answer


tributary.serve(Marked())
