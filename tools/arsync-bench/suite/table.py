"""The table that `make bench` prints: each figure beside its limit."""

from .stats import median, minimum


def row(text, ours, theirs, ratio, limit, judgement=""):
    print(
        f"{text:<58} {ours:>9} {theirs:>9} {ratio:>7} {limit:>7}  {judgement}".rstrip(), flush=True
    )


def head():
    row("", "ours", "cp", "ratio", "limit")


def note(text):
    print(f"    {text}", flush=True)


def verdict(text, limit, ours, theirs):
    judgement = ""
    if limit is not None:
        judgement = "met" if ours / theirs <= limit else "MISSED"
    row(
        text,
        f"{ours:.4g}",
        f"{theirs:.4g}",
        f"{ours / theirs:.2f}",
        "-" if limit is None else f"{limit:.4g}",
        judgement,
    )


def compare(line, trials):
    """A line of a contest; medians, and the fastest below them."""
    ours, theirs = (
        [getattr(trial, line.of) for trial in trials[name]] for name in (line.ours, line.theirs)
    )
    seconds = ", seconds" if line.of == "seconds" else ""
    verdict(line.text + seconds, line.limit, median(ours), median(theirs))
    if line.of == "seconds" and line.with_fastest:
        verdict(f"    fastest of {len(ours)}", None, minimum(ours), minimum(theirs))
