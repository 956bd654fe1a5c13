"""What the report has beside the matrix: methods, buffers, workers, the ring, and the answers."""

from . import figures, plots
from .figures import rate, ratio, seconds
from .inside import BY_ITSELF, CHUNKS, HEAT_DEPTHS, HEAT_SIZES, USUAL_CHUNKS
from .markdown import number, percent, plot, table
from .stats import median, spread


def measured(parts, kind):
    return {name: part for name, part in parts.items() if part["kind"] == kind}


def sections(parts, docs):
    def shown(*names):
        return "".join(plot(docs, name, text) for name, text in names)

    return {
        "answers": answers(parts)
        + shown(("methods.cached", "Methods, cached"), ("methods.cold", "Methods, cold")),
        "methods": methods(parts),
        "maximum": maximum(parts),
        "heat": heat(parts)
        + shown(("heat.fixed", "fixed, by buffers"), ("heat.direct", "direct, by buffers")),
        "adapting": adapting(parts),
        "ring": ring(parts) + shown(("ring.cold", "Operations in flight, cold")),
        "scaling": scaling(parts) + shown(("scaling", "Cost a file")),
    }


def methods(parts):
    rows = []
    for part_name, part in measured(parts, "methods").items():
        state = part_name.split(".")[1]
        rows += [[state, *method(part, name)] for name in part["trials"]]
    head = "state|method|GB/s|spread|CPU s|% in user memcpy|% in kernel copies"
    return table(f"{head}|SQEs/enter|depth|buffer waits", rows)


def method(part, name):
    counts, profile = part["counts"].get(name, {}), part["profiles"].get(name, {})
    return [
        called(name, counts),
        number(rate(part, name)),
        percent(spread(seconds(part, name))),
        number(median(figures.cpu(part, name)), 3),
        number(profile.get("user_copies"), 1),
        number(profile.get("kernel_copies"), 1),
        number(figures.over(counts.get("submissions"), counts.get("enters")), 1),
        number(counts.get("depth"), 1),
        number(counts.get("buffer_waits"), 0),
    ]


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
        head = f"`{name.split('.')[1]}`, {part['state']}, GB/s; best: {size} KiB, depth {depth}"
        sizes = "|".join(f"{size} KiB" for size in HEAT_SIZES)
        blocks.append(f"{head}:\n\n{table(f'depth|{sizes}', rows)}")
    return "\n\n".join(blocks) or table("", [])


def adapting(parts):
    rows = []
    for part in measured(parts, "adapting").values():
        fixed = [name for name in part["trials"] if name != BY_ITSELF]
        best = min(fixed, key=lambda name: median(seconds(part, name)))
        ours = median(seconds(part, BY_ITSELF))
        rows.append(
            [
                f"{part['title']}, {part['file_system']}",
                *(number(median(seconds(part, name)), 3) for name in [BY_ITSELF, *fixed]),
                best,
                number(ours / median(seconds(part, best)), 2),
                number(ours / median(seconds(part, USUAL_CHUNKS)), 2),
            ]
        )
    chunks = "|".join(f"{count}" for count in CHUNKS)
    head = f"cold; seconds|{BY_ITSELF}|{chunks}|best|{BY_ITSELF} : best|: {USUAL_CHUNKS}"
    return table(head, rows)


def workers(name):
    """The commands of `scaling` are called by a number, but for cp."""
    return name if name == "cp" else f"{name} worker{'' if name == '1' else 's'}"


def us_a_file(part, name):
    return 1e6 * median(seconds(part, name)) / part["files"]


def scaling(parts):
    rows, head = [], ""
    for part in measured(parts, "scaling").values():
        head = "|".join(["files", *map(workers, part["trials"])])
        costs = [number(us_a_file(part, name), 1) for name in part["trials"]]
        rows.append([f"{part['files']:,}", *costs])
    return table(head, rows)


def maximum(parts):
    rows = [
        [name, number(rate(part, name)), percent(spread(seconds(part, name)))]
        for part in measured(parts, "maximum").values()
        for name in part["trials"]
    ]
    return table("|GB/s|spread", rows)


def ring(parts):
    rows = []
    for part in measured(parts, "methods").values():
        for name, trace in part["traces"].items():
            rows += [[part["state"], name, *cells] for cells in operations(trace)]
    return table("state|method|operation|count|to io-wq|median us|99 % us|SQEs/enter|depth", rows)


def operations(trace):
    if "operations" not in trace:
        yield [f"not available: {trace['unavailable']}"] + [""] * 6
        return
    batch = figures.over(trace["submissions"], trace["enters_that_submit"])
    for operation, one in trace["operations"].items():
        yield [
            *(operation, str(one["count"]), str(one["to_workers"])),
            *(number(one["median_us"], 0), number(one["p99_us"], 0)),
            *(number(batch, 1), number(trace["depth"], 1)),
        ]


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
        found = measured(parts, kind).values()
        states = {part["state"]: part for part in found if part["file_system"] == "ext4"}
        rows.append(
            [question] + [answer(states.get(state), ours, theirs) for state in ("cached", "cold")]
        )
    for part in measured(parts, "neighbour").values():
        for who in ("ours", "cp"):
            text = (
                f"Another program's file, read again after a large copy by {who}: its speed beside"
            )
            value = number(ratio(part, "undisturbed", who))
            rows.append([f"{text} that of an undisturbed one", "", value])
    return table("question: seconds, first : second|cached|cold", rows)


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
        title = f"{part['title']}, {part['state']}, {part['file_system']} ({where})"
        rates = [(method, rate(part, method)) for method in part["trials"]]
        plots.bars(f"{folder}/{name}", rates, title, "GB/s")
        trace = part["traces"].get("direct", {})
        if "series" in trace:
            title = f"operations in flight, direct, {part['state']} ({where})"
            plots.depth(f"{folder}/ring.{part['state']}", trace["series"], title)
    for name, part in measured(parts, "heat").items():
        rows = [(*map(int, key.split()), rate(part, key)) for key in part["trials"]]
        plots.heat(f"{folder}/{name}", rows, f"{name.split('.')[1]}, {part['state']} ({where})")
    draw_scaling(measured(parts, "scaling").values(), where, folder)


def draw_scaling(of_all, where, folder):
    curves = {}
    for part in of_all:
        for name in part["trials"]:
            point = (part["files"], us_a_file(part, name))
            curves.setdefault(workers(name), []).append(point)
    if curves:
        plots.lines(
            f"{folder}/scaling", curves, f"empty files, ext4 ({where})", "files", "us a file"
        )
