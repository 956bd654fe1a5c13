"""What the report has beside the matrix: methods, buffers, workers, the ring, and the answers."""

from . import figures, plots
from .figures import rate, ratio, seconds
from .inside import HEAT_DEPTHS, HEAT_SIZES
from .markdown import number, table
from .stats import median, spread

NOTHING = "Not measured."


def measured(parts, kind):
    return {name: part for name, part in parts.items() if part["kind"] == kind}


def sections(parts):
    return {
        "methods": methods(parts),
        "heat": heat(parts),
        "scaling": scaling(parts),
        "maximum": maximum(parts),
        "ring": ring(parts),
        "answers": answers(parts),
    }


def methods(parts):
    rows = []
    for part_name, part in measured(parts, "methods").items():
        for name in part["trials"]:
            counts, profile = part["counts"].get(name, {}), part["profiles"].get(name, {})
            rows.append(
                [
                    part_name.split(".")[1],
                    called(name, counts),
                    number(rate(part, name)),
                    f"{100 * spread(seconds(part, name)):.0f} %",
                    number(median(figures.cpu(part, name)), 3),
                    number(profile.get("user_copies"), 1),
                    number(profile.get("kernel_copies"), 1),
                    number(figures.over(counts.get("submissions"), counts.get("enters")), 1),
                    number(counts.get("depth"), 1),
                    number(counts.get("buffer_waits"), 0),
                ]
            )
    return (
        table(
            [
                "state",
                "method",
                "GB/s",
                "spread",
                "CPU s",
                "% in user memcpy",
                "% in kernel copies",
                "SQEs/enter",
                "depth",
                "buffer waits",
            ],
            rows,
        )
        if rows
        else NOTHING
    )


def is_refused(name, counts):
    """What was asked for and is not in force."""
    return any(word in name and not counts.get(word.lower()) for word in ("SQPOLL", "IOPOLL"))


def called(name, counts):
    return f"{name} (refused here)" if is_refused(name, counts) else name


def heat(parts):
    blocks = []
    for name, part in measured(parts, "heat").items():
        rows = [
            [f"{depth}"] + [number(rate(part, f"{size} {depth}")) for size in HEAT_SIZES]
            for depth in HEAT_DEPTHS
        ]
        size, depth = figures.best_of(part).split()
        blocks.append(
            f"`{name.split('.')[1]}`, {part['state']}, GB/s; the best is {size} KiB, depth {depth}:\n\n"
            + table(["depth", *(f"{size} KiB" for size in HEAT_SIZES)], rows)
        )
    return "\n\n".join(blocks) or NOTHING


def scaling(parts):
    rows, names = [], ()
    for part in measured(parts, "scaling").values():
        names = tuple(part["trials"])
        rows.append(
            [f"{part['files']:,}"]
            + [number(1e6 * median(seconds(part, name)) / part["files"], 1) for name in names]
        )
    head = ["files"] + [
        name if name == "cp" else f"{name} worker{'' if name == '1' else 's'}" for name in names
    ]
    return table(head, rows) if rows else NOTHING


def maximum(parts):
    part = parts.get("maximum")
    if not part or part["kind"] == "failed":
        return NOTHING
    rows = [
        [name, number(rate(part, name)), f"{100 * spread(seconds(part, name)):.0f} %"]
        for name in part["trials"]
    ]
    return table(["", "GB/s", "spread"], rows)


def ring(parts):
    rows = []
    for part_name, part in measured(parts, "methods").items():
        for name, trace in part.get("traces", {}).items():
            if "operations" not in trace:
                rows.append([part_name, name, f"not available: {trace['unavailable']}"] + [""] * 6)
                continue
            batch = figures.over(trace["submissions"], trace["enters_that_submit"])
            for operation, one in trace["operations"].items():
                rows.append(
                    [
                        part_name,
                        name,
                        operation,
                        str(one["count"]),
                        str(one["to_workers"]),
                        number(one["median_us"], 0),
                        number(one["p99_us"], 0),
                        number(batch, 1),
                        number(trace["depth"], 1),
                    ]
                )
    return (
        table(
            [
                "part",
                "method",
                "operation",
                "count",
                "to io-wq",
                "median us",
                "99 % us",
                "SQEs/enter",
                "depth",
            ],
            rows,
        )
        if rows
        else NOTHING
    )


# Question, part, ours, theirs, what the figure is.
QUESTIONS = [
    ("What does the clone cost? managed : fixed", "methods", "managed", "fixed"),
    ("Does the pool help? managed : heap, at equal depth and size", "methods", "managed", "heap"),
    ("Does registering help? fixed : heap, through the page cache", "methods", "fixed", "heap"),
    ("Does registering help where no CPU copies? direct : heap", "methods", "direct", "heap"),
    ("Does SQPOLL help? fixed with it : without", "methods", "fixed, SQPOLL", "fixed"),
    ("... direct with it : without", "methods", "direct, SQPOLL", "direct"),
    ("Does IOPOLL help? direct with it : without", "methods", "direct, IOPOLL", "direct"),
    (
        "Is 2 to 5 times true? fixed : the note's baseline (64 KiB, depth 1)",
        "methods",
        "fixed",
        "heap, 64 KiB, depth 1",
    ),
    ("... auto : the note's baseline", "methods", "auto", "heap, 64 KiB, depth 1"),
    ("... fixed : heap pipelined without a pool", "methods", "fixed", "heap"),
    ("What does writing add? fixed : read only", "methods", "fixed", "read only"),
    (
        "How near are we to the device? read only, direct : fio's reading",
        "maximum",
        "read only, direct",
        "fio reads",
    ),
    (
        "What is the maximum? direct : the slower of fio's reading and writing",
        "maximum",
        "direct",
        None,
    ),
    ("auto : memory copied by all CPUs", "maximum", "auto", "memory, all CPUs"),
]


def answers(parts):
    rows = []
    for question, kind, ours, theirs in QUESTIONS:
        found = [
            part
            for part in measured(parts, kind).values()
            if part["state"] == "cold" or kind == "methods"
        ]
        states = {part["state"]: part for part in found if part["file_system"] == "ext4"}
        rows.append(
            [question] + [answer(states.get(state), ours, theirs) for state in ("cached", "cold")]
        )
    neighbour = parts.get("neighbour")
    for who in ("ours", "cp"):
        text = (
            f"Another program's file, re-read after a large copy by {who}: speed beside undisturbed"
        )
        value = (
            ratio(neighbour, "undisturbed", who)
            if neighbour and neighbour["kind"] != "failed"
            else None
        )
        rows.append([text, "", number(value)])
    return table(["question: seconds, first : second", "cached", "cold"], rows)


def answer(part, ours, theirs):
    if part and is_refused(ours, part.get("counts", {}).get(ours, {})):
        return "refused here"
    return number(ratio(part, ours, theirs or slower(part)))


def slower(part):
    """Of a copy's two halves, as fio does them."""
    if not part:
        return None
    halves = [name for name in ("fio reads", "fio writes") if name in part["trials"]]
    return max(halves, key=lambda name: median(seconds(part, name)), default="")


def draw(parts, where, folder):
    for name, part in measured(parts, "methods").items():
        plots.bars(
            f"{folder}/{name}",
            [(method, rate(part, method)) for method in part["trials"]],
            f"{part['title']}, {part['state']}, {part['file_system']} ({where})",
            "GB/s",
        )
        for method, trace in part.get("traces", {}).items():
            if "series" in trace and method == "direct":
                plots.depth(
                    f"{folder}/ring.{part['state']}",
                    trace["series"],
                    f"operations in flight, {method}, {part['state']} ({where})",
                )
    for name, part in measured(parts, "heat").items():
        rows = [
            (int(key.split()[0]), int(key.split()[1]), rate(part, key)) for key in part["trials"]
        ]
        plots.heat(f"{folder}/{name}", rows, f"{name.split('.')[1]}, {part['state']} ({where})")
    draw_scaling(measured(parts, "scaling").values(), where, folder)


def draw_scaling(of_all, where, folder):
    curves = {}
    for part in of_all:
        for name in part["trials"]:
            curves.setdefault(name if name == "cp" else f"{name} workers", []).append(
                (part["files"], 1e6 * median(seconds(part, name)) / part["files"])
            )
    if curves:
        plots.lines(
            f"{folder}/scaling", curves, f"empty files, ext4 ({where})", "files", "us a file"
        )
