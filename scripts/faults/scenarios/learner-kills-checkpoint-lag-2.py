"""As learner-kills-checkpoint, where update k samples with version k − 2; only the learner's disk has these weights."""

from disturbances import learner_kills


def scenario(chaos):
    return learner_kills(chaos, lag=2, at_checkpoints=True)
