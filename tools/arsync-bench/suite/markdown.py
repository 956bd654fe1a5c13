"""Tables, numbers, and the parts of a page that are written by a program."""

import os
import re


def table(head, rows):
    """`head`: the names of the columns, between bars."""
    if not rows:
        return "Not measured yet."
    names = head.split("|")
    lines = [f"| {' | '.join(names)} |", "|" + "---|" * len(names)]
    lines += [f"| {' | '.join(row)} |" for row in rows]
    return "\n".join(lines)


def percent(share):
    return f"{100 * share:.0f} %"


def number(value, digits=2):
    """Of so many digits behind the point; "-" for what is not available."""
    return "-" if value is None else f"{value:,.{digits}f}"


def plot(docs, name, text):
    """A line that shows a plot, if it was drawn."""
    return f"\n\n![{text}](bench/{name}.svg)" if os.path.exists(f"{docs}/bench/{name}.svg") else ""


def replace(page, name, text):
    """What stands between <!-- measured: NAME --> and <!-- end -->."""
    pattern = re.compile(rf"(<!-- measured: {re.escape(name)} -->\n).*?(<!-- end -->)", re.DOTALL)
    new, count = pattern.subn(lambda found: f"{found[1]}{text}\n{found[2]}", page)
    if count != 1:
        raise ValueError(f"the page has {count} parts that are called {name}")
    return new
