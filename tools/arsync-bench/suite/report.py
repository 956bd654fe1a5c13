"""Writes docs/BENCHMARKS.md's measured parts, docs/bench/results.json and the plots."""

import json
import os

from . import contestants, figures, machine, markdown, plots, report_insides, report_matrix


def in_short(part):
    """For the line of a run."""
    if part["kind"] == "failed":
        return f"failed: {part['why']}"
    if part["kind"] != "matrix":
        return "measured"
    cell = figures.Cell(part)
    return f"{cell.ratio:.2f} of {cell.best}{' (wide)' if cell.is_wide else ''}"


def write(parts, names, docs, folder):
    """`names`: all parts there could be, in order. `folder`: on the device that was measured."""
    parts = {name: parts[name] for name in names if name in parts}
    if not parts:
        print("nothing has been measured yet")
        return
    os.makedirs(f"{docs}/bench", exist_ok=True)
    facts = describe(parts, folder)
    with open(f"{docs}/bench/results.json", "w") as file:
        file.write(_raw(facts, parts))
    draw(parts, facts, f"{docs}/bench")
    sections = {
        "about": about(facts, parts),
        **report_matrix.sections(parts, docs),
        **report_insides.sections(parts, docs),
        "missing": missing(parts, names),
    }
    path = f"{docs}/BENCHMARKS.md"
    with open(path) as file:
        page = file.read()
    for name, text in sections.items():
        page = markdown.replace(page, name, text)
    with open(path, "w") as file:
        file.write(page)
    if not facts["small"]:
        _show_in_readme(f"{docs}/../README.md", facts)


def _show_in_readme(path, facts):
    """The matrix as one plot; never that of a small run."""
    text = (
        f"![arsync-cp beside other programs, {facts['device'].split(' (')[0]}, {facts['dates'][-1]}]"
        "(docs/bench/matrix.svg)"
    )
    with open(path) as file:
        page = markdown.replace(file.read(), "plot", text)
    with open(path, "w") as file:
        file.write(page)


def describe(parts, folder):
    dates = sorted({part["date"] for part in parts.values()})
    return {
        "kernel": machine.kernel(),
        "processor": machine.processor(),
        "cpus": machine.cpus(),
        "memory_gib": round(machine.memory_gib()),
        "device": machine.device_name(folder),
        "dates": dates,
        "contestants": contestants.versions(),
        "small": smallness(parts),
    }


def smallness(parts):
    """Why no figure of this run means anything, or ""."""
    reasons = []
    scale, rounds = (min(part[key] for part in parts.values()) for key in ("scale", "rounds_asked"))
    if scale < 1:
        reasons.append(f"works of {scale:g} of their size")
    if rounds < 5:
        reasons.append(f"{rounds} rounds")
    load = max(part["load"] for part in parts.values())
    if load > 1.5 * machine.cpus():
        reasons.append(f"a load of {load:.0f} on the machine when it began")
    return ", ".join(reasons)


def about(facts, parts):
    builds = {part["key"] for part in parts.values()}
    lines = [
        f"{facts['dates'][-1]}, Linux {facts['kernel']}, {facts['cpus']} x {facts['processor']}, "
        f"{facts['memory_gib']} GiB; images on {facts['device']}."
    ]
    if facts["small"]:
        lines.insert(
            0,
            f"**A run that only shows that the suite works** ({facts['small']}): its "
            "figures mean nothing.\n",
        )
    if len(builds) > 1:
        lines.append(f"The parts were measured with {len(builds)} different builds of arsync-cp.")
    lines.append(f"Beside arsync-cp: {'; '.join(map(named, facts['contestants'].items()))}.")
    return "\n".join(lines)


def named(contestant):
    name, version = contestant
    return version if name in version else f"{name} {version}".strip()


def missing(parts, names):
    lines = []
    left = [name for name in names if name not in parts]
    if left:
        lines.append(f"- Not measured: {', '.join(left)}.")
    for name, part in parts.items():
        if part["kind"] == "failed":
            lines.append(f"- {name} failed: {part['why']}")
        for who, why in part.get("failed", {}).items():
            lines.append(f"- {name}: {who} failed: {why}")
    absent = [one.name for one in contestants.TABLE if one not in contestants.present()]
    if absent:
        lines.append(f"- Not there: {', '.join(absent)}.")
    counted = [
        counts
        for part in parts.values()
        if part["kind"] == "matrix"
        for counts in part["counts"].values()
    ]
    if not any(counts.get("cache_misses") is not None for counts in counted):
        lines.append(
            "- Memory traffic: not available (the processor's counters are not to be had here)."
        )
    return "\n".join(lines) or "Nothing."


def draw(parts, facts, folder):
    where = f"{facts['device'].split(' (')[0]}, {facts['cpus']} CPUs, {facts['dates'][-1]}"
    if facts["small"]:
        where = f"NOT A MEASUREMENT, {where}"
    report_matrix.draw(parts, where, folder)
    report_insides.draw(parts, where, folder)


def _raw(facts, parts):
    """A part a line, and no more points of a trace than a plot has."""
    lines = []
    for name, part in parts.items():
        traces = {
            which: {**trace, "series": plots.thin(trace.get("series", []), 500)}
            for which, trace in part.get("traces", {}).items()
        }
        lines.append(f"{json.dumps(name)}: {json.dumps({**part, 'traces': traces})}")
    return f'{{"machine": {json.dumps(facts)},\n"parts": {{\n' + ",\n".join(lines) + "\n}}\n"
