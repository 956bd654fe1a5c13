"""Plots by gnuplot, each as SVG and as PNG."""

import shutil
import subprocess
import sys

SIZES = {
    "svg": 'svg size {width},{height} dynamic background rgb "white" font "sans,13"',
    "png": 'pngcairo size {width},{height} background rgb "white" font "sans,10"',
}


def _draw(prefix, script, width=900, height=420):
    """False, with a line that says so, where there is no gnuplot."""
    if not shutil.which("gnuplot"):
        print(f"no plot {prefix}: gnuplot is not there (make deps)", file=sys.stderr)
        return False
    for kind, terminal in SIZES.items():
        text = (
            f"set terminal {terminal.format(width=width, height=height)}\n"
            f'set output "{prefix}.{kind}"\n{script}'
        )
        subprocess.run(["gnuplot"], input=text, text=True, check=True)
    return True


def _data(name, rows):
    """A block of data in a script; texts in quotes."""
    lines = (
        " ".join(_quoted(field) if isinstance(field, str) else f"{field:.6g}" for field in row)
        for row in rows
    )
    return f"${name} << EOD\n" + "\n".join(lines) + "\nEOD\n"


def _quoted(text):
    """For places where gnuplot takes every character as it is (noenhanced)."""
    return '"' + text.replace("\\", "").replace('"', "") + '"'


def depth(prefix, series, title):
    """Operations in flight over time."""
    rows = [(1000 * seconds, operations) for seconds, operations in thin(series)]
    return _draw(
        prefix,
        _data("depth", rows or [(0, 0)]) + f"""
set title {_quoted(title)} noenhanced
set xlabel "milliseconds"
set ylabel "operations in flight"
set yrange [0:{1.1 * max([1] + [row[1] for row in rows]):.1f}]
unset key
plot $depth using 1:2 with steps lw 1.5 lc rgb "#2060a0"
""",
    )


def thin(series, most=1500):
    """As many points as can be seen."""
    step = max(1, len(series) // most)
    return series[::step]


def matrix(prefix, cells, title):
    """(name, ratio, limit) of each: a point, left of 1 where ours is faster."""
    upwards = list(reversed(cells))
    ratios = [1] + [ratio for _, ratio, _ in cells]
    colours = {
        "#208040": [(ratio, i) for i, (_, ratio, limit) in enumerate(upwards) if ratio <= limit],
        "#c02020": [(ratio, i) for i, (_, ratio, limit) in enumerate(upwards) if ratio > limit],
    }
    colours = {colour: points for colour, points in colours.items() if points}
    data = "".join(_data(f"cells{i}", points) for i, points in enumerate(colours.values()))
    drawn = ", ".join(
        f'$cells{i} using 1:2 with points pt 7 ps 0.9 lc rgb "{colour}"'
        for i, colour in enumerate(colours)
    )
    return _draw(
        prefix,
        data + f"""
set title {_quoted(title)} noenhanced
set logscale x 2
set xtics (0.1, 0.2, 0.3, 0.5, 0.7, 1, 1.4, 2, 3, 5, 10)
set xlabel "median of arsync-cp : median of the best other (left of 1: arsync-cp is faster)"
set ytics ({_tics([name for name, _, _ in upwards])}) noenhanced
set xrange [{0.9 * min(ratios)}:{1.1 * max(ratios)}]
set yrange [-0.7:{len(cells) - 0.3}]
set grid x
set arrow from 1, graph 0 to 1, graph 1 nohead lw 1.5 lc rgb "#606060"
unset key
plot {drawn}
""",
        height=120 + 17 * len(cells),
    )


def heat(prefix, rows, title):
    """(buffer size in KiB, depth, GB/s) of each."""
    sizes = sorted({row[0] for row in rows})
    depths = sorted({row[1] for row in rows})
    data = [(sizes.index(size), depths.index(count), speed) for size, count, speed in rows]
    return _draw(
        prefix,
        _data("heat", data) + f"""
set title {_quoted(title)} noenhanced
set xlabel "buffer, KiB"
set ylabel "buffers in flight (depth)"
set xtics ({_tics(sizes)})
set ytics ({_tics(depths)})
set xrange [-0.5:{len(sizes) - 0.5}]
set yrange [-0.5:{len(depths) - 0.5}]
set cblabel "GB/s"
set palette defined (0 "#f7fbff", 1 "#2060a0")
unset key
plot $heat using 1:2:3 with image, $heat using 1:2:(sprintf("%.2f", $3)) with labels
""",
        width=640,
        height=420,
    )


def _tics(values):
    return ", ".join(f'"{value}" {i}' for i, value in enumerate(values))


def bars(prefix, rows, title, label):
    """(name, value) of each."""
    return _draw(
        prefix,
        _data("bars", [(i, value, name) for i, (name, value) in enumerate(rows)]) + f"""
set title {_quoted(title)} noenhanced
set ylabel {_quoted(label)} noenhanced
set style fill solid 0.8
set boxwidth 0.7
set yrange [0:*]
set xtics rotate by -30 noenhanced
set grid y
unset key
plot $bars using 1:2:xtic(3) with boxes lc rgb "#2060a0"
""",
    )


def lines(prefix, curves, title, x_label, y_label):
    """Points (x, y) of each curve by its name; both axes are logarithmic."""
    data = "".join(_data(f"curve{i}", points) for i, points in enumerate(curves.values()))
    drawn = ", ".join(
        f"$curve{i} using 1:2 with linespoints pt 7 title {_quoted(name)}"
        for i, name in enumerate(curves)
    )
    return _draw(
        prefix,
        data + f"""
set title {_quoted(title)} noenhanced
set logscale x
set xlabel {_quoted(x_label)} noenhanced
set ylabel {_quoted(y_label)} noenhanced
set key noenhanced
set yrange [0:*]
set grid
plot {drawn}
""",
    )
