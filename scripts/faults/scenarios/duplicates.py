"""Sends 5 % of the packets twice, and all 20 ± 15 ms late, so that they overtake each other; the run is the same run."""

from networks import network


def scenario(chaos):
    return network(chaos, "duplicates", "5 % twice, 20 ± 15 ms late", duplicates=0.05, delay_ms=20, jitter_ms=15)
