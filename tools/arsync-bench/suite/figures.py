"""The arithmetic of the report: from what was measured to what is told of it."""

from .stats import median, minimum, spread

SPREAD_LIMIT = 0.15  # a wider one is told
NOISE = 0.05  # and beyond this one, the limit gives as much
GOOD = 0.7


def seconds(part, name):
    return [trial[0] for trial in part["trials"][name]]


def cpu(part, name):
    return [trial[1] + trial[2] for trial in part["trials"][name]]


def rate(part, name):
    """GB/s."""
    return part["size"] / 1e9 / median(seconds(part, name))


def ratio(part, ours, theirs):
    """Of medians; None if one of them was not measured."""
    trials = part["trials"] if part else {}
    if not trials.get(ours) or not trials.get(theirs):
        return None
    return median(seconds(part, ours)) / median(seconds(part, theirs))


class Cell:
    """Of the matrix: ours beside the best other, of those that were there to the end."""

    def __init__(self, part):
        self.part = part
        others = [name for name in part["trials"] if name != "ours" and name not in part["dropped"]]
        self.best = min(others, key=lambda name: median(seconds(part, name)))
        self.ratio = ratio(part, "ours", self.best)
        self.fastest = minimum(seconds(part, "ours")) / minimum(seconds(part, self.best))
        self.spread = max(spread(seconds(part, name)) for name in ("ours", self.best))
        self.limit = 1 + NOISE if self.spread > NOISE else 1
        self.is_lost = self.ratio > self.limit
        self.is_wide = self.spread > SPREAD_LIMIT
        theirs = median(cpu(part, self.best))
        self.cpu_ratio = median(cpu(part, "ours")) / theirs if theirs else None

    def costs(self, name):
        """What one contestant used, None where it is not available."""
        part, counts = self.part, self.part["counts"].get(name, {})
        used = median(cpu(part, name))
        return {
            "seconds": median(seconds(part, name)),
            "spread": spread(seconds(part, name)),
            "gb_a_second": rate(part, name) if part["size"] else None,
            "files_a_second": part["files"] / median(seconds(part, name)),
            "user": median([trial[1] for trial in part["trials"][name]]),
            "system": median([trial[2] for trial in part["trials"][name]]),
            "cpu_a_gb": used / (part["size"] / 1e9) if part["size"] else None,
            "peak_mib": over(counts.get("peak_kib"), 1024),
            "calls_a_file": over(counts.get("system_calls"), part["files"]),
            "sqes_an_enter": over(counts.get("submissions"), counts.get("enters")),
            "traffic_gb": over(counts.get("cache_misses"), 1e9 / 64),
        }


def over(value, divisor):
    return value / divisor if value is not None and divisor else None


def verdict(cells):
    """How many of the cells are where they should be."""
    return {
        "cells": len(cells),
        "lost": sum(cell.is_lost for cell in cells),
        "good": sum(cell.ratio <= GOOD for cell in cells),
        "wide": sum(cell.is_wide for cell in cells),
        "more_cpu": sum(cell.cpu_ratio is not None and cell.cpu_ratio > 1 for cell in cells),
    }


def best_of(part):
    """The name with the least median."""
    return min(part["trials"], key=lambda name: median(seconds(part, name)))
