"""What is told of repeated measurements: never a mean, as one disturbed round moves it."""

import statistics


def median(values):
    return statistics.median(values)


def minimum(values):
    return min(values)


def spread(values):
    """The middle half of the values, as a share of the median: one odd round does not widen it."""
    if len(values) < 2 or median(values) == 0:
        return 0.0
    low, _, high = statistics.quantiles(values, n=4, method="inclusive")
    return (high - low) / median(values)


def ratio(ours, theirs):
    """Of medians."""
    return median(ours) / median(theirs)
