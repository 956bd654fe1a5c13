"""The matrix of whole commands: the first screen, the cells that are lost, and what each costs."""

from . import figures, plots
from .markdown import number, percent, plot, table

# Column, figure, digits.
COSTS = [
    ("s", "seconds", 3),
    ("spread", "spread", 2),
    ("GB/s", "gb_a_second", 2),
    ("files/s", "files_a_second", 0),
    ("user s", "user", 3),
    ("system s", "system", 3),
    ("CPU s/GB", "cpu_a_gb", 2),
    ("peak MiB", "peak_mib", 1),
    ("calls/file", "calls_a_file", 1),
    ("SQEs/enter", "sqes_an_enter", 1),
    ("memory GB", "traffic_gb", 2),
]
FILE_SYSTEMS = ("ext4", "xfs", "btrfs", "tmpfs", "overlay")


def cells_of(parts):
    return {name: figures.Cell(part) for name, part in parts.items() if part["kind"] == "matrix"}


def sections(parts, docs):
    cells = cells_of(parts)
    return {
        "matrix": matrix(cells) + plot(docs, "matrix", "The matrix as a plot"),
        "lost": lost(cells),
        "costs": costs(cells),
    }


def matrix(cells):
    """A row for each work in each state, a column for each file system."""
    rows = {}
    for cell in cells.values():
        part = cell.part
        state = part["state"]
        column = part["file_system"]
        if column == "throttled":
            state, column = "cold, throttled", "ext4"
        rows.setdefault((state, part["title"]), {})[column] = in_table(cell)
    body = [
        [f"{title}, {state}"] + [row.get(kind, "") for kind in FILE_SYSTEMS]
        for (state, title), row in rows.items()
    ]
    told = figures.verdict(list(cells.values()))
    return table("|".join(["ours : best other", *FILE_SYSTEMS]), body) + f"""

{told['cells']} cells: {told['lost']} lost, {told['good']} at {figures.GOOD} or better,
{told['more_cpu']} with more CPU seconds than the best other, {told['wide']} with a spread that is
still too wide after a second go (marked ~)."""


def in_table(cell):
    figure = f"{cell.ratio:.2f} {cell.best}{' ~' if cell.is_wide else ''}"
    return f"**{figure}**" if cell.is_lost else figure


def lost(cells):
    lines = []
    for name, cell in sorted(cells.items(), key=lambda item: -item[1].ratio):
        if not cell.is_lost:
            continue
        ours, theirs = cell.costs("ours"), cell.costs(cell.best)
        lines.append(
            f"- **{name}**: {cell.ratio:.2f} of {cell.best} (limit {cell.limit:.2f}; fastest runs "
            f"{cell.fastest:.2f}; spread {percent(cell.spread)}); CPU {number(cell.cpu_ratio)}; "
            f"calls a file {number(ours['calls_a_file'], 1)} : {number(theirs['calls_a_file'], 1)}"
        )
        lines += [
            f"  - {who}: {profile(cell.part['profiles'].get(key))}"
            for who, key in (("ours", "ours"), (cell.best, cell.best))
        ]
    return "\n".join(lines) or "No cell is lost."


def profile(of_one):
    if not of_one or "top" not in of_one:
        return f"profile not available ({(of_one or {}).get('unavailable', 'not taken')})"
    return (
        ", ".join(f"`{symbol[:50]}` {share:.0f} %" for symbol, share in of_one["top"][:6])
        + f" ({of_one['samples']} samples)"
    )


def costs(cells):
    rows = []
    for name, cell in cells.items():
        for who in ("ours", cell.best):
            cost = cell.costs(who)
            rows.append([name, who] + [number(cost[key], digits) for _, key, digits in COSTS])
    return table("|".join(["cell", "who", *(head for head, _, _ in COSTS)]), rows)


def draw(parts, where, folder):
    cells = cells_of(parts)
    if cells:
        plots.matrix(
            f"{folder}/matrix",
            [(f"{name} : {cell.best}", cell.ratio, cell.limit) for name, cell in cells.items()],
            f"arsync-cp : best other ({where})",
        )
