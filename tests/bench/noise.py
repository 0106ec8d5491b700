"""Comparing what several rounds found, and whether the difference is more than their noise."""
import math
import statistics

NOISE = "within the noise"


def spread(values):
    """Median, lowest, highest."""
    return statistics.median(values), min(values), max(values)


def within_noise(left, right):
    """Whether the ranges of the two overlap, so that their difference shows nothing; None when one
    of them has a single value, whose noise nobody knows."""
    if len(left) < 2 or len(right) < 2:
        return None
    return min(left) <= max(right) and min(right) <= max(left)


def ratio(left, right):
    """The ratios within each round that both have, and what to say of the noise: a text that is
    empty when the difference is beyond it."""
    ratios = [a / b if b else math.inf for a, b in zip(left, right)]
    noisy = within_noise(left, right)
    return ratios, "one round" if noisy is None else NOISE if noisy else ""
