"""As learner-kills, where update k samples with version k − 2; the next life must have these older weights, too."""

from disturbances import learner_kills


def scenario(chaos):
    return learner_kills(chaos, lag=2)
