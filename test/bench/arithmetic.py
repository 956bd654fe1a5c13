#!/usr/bin/env python3
"""The arithmetic of the benchmarks, on given data: medians, ratios, spreads, traces, the page."""

import os
import sys
import tempfile
import unittest

sys.dont_write_bytecode = True
TOP = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..")
sys.path.insert(0, os.path.join(TOP, "tools", "arsync-bench"))
from suite import (  # noqa: E402
    cells,
    contestants,
    counting,
    figures,
    inside,
    markdown,
    matrix,
    place,
    preparing,
    profiling,
    report,
    report_insides,
    rows,
    stats,
    tracing,
    works,
)


def matrix_part(trials, dropped=(), size=2 * 10**9, files=100):
    """Of medians alone: each trial is seconds, user, system."""
    return {
        "kind": "matrix",
        "title": "work",
        "state": "cached",
        "file_system": "ext4",
        "files": files,
        "size": size,
        "trials": trials,
        "dropped": dict.fromkeys(dropped, 2.0),
        "failed": {},
        "counts": {
            "ours": {
                "peak_kib": 2048,
                "system_calls": 800,
                "submissions": 60,
                "enters": 20,
                "cache_misses": None,
            }
        },
        "profiles": {},
    }


def alike(*seconds):
    return [[second, 0.25 * second, 0.5 * second] for second in seconds]


class Statistics(unittest.TestCase):
    def test_what_is_short_has_more_rounds_again(self):
        self.assertEqual(matrix.rounds_again(5, 0.019), 25)
        self.assertEqual(matrix.rounds_again(5, 0.02), 5)

    def test_median_of_odd_and_even_numbers(self):
        self.assertEqual(stats.median([3, 1, 2]), 2)
        self.assertEqual(stats.median([4, 1, 2, 3]), 2.5)

    def test_spread_is_the_middle_half_over_the_median(self):
        self.assertEqual(stats.spread([1, 2, 3, 4, 5]), 2 / 3)

    def test_one_odd_round_does_not_widen_the_spread(self):
        self.assertEqual(stats.spread([10, 10, 10, 10, 99]), 0)

    def test_one_value_has_no_spread(self):
        self.assertEqual(stats.spread([7]), 0)


class Cells(unittest.TestCase):
    def test_ratio_is_that_of_medians_beside_the_best_other(self):
        cell = figures.Cell(
            matrix_part({"ours": alike(1, 2, 9), "cp": alike(5, 5, 5), "fcp": alike(4, 4, 4)})
        )
        self.assertEqual((cell.best, cell.ratio), ("fcp", 0.5))

    def test_what_was_dropped_is_not_the_best_other(self):
        cell = figures.Cell(
            matrix_part({"ours": alike(1, 1), "cp": alike(5, 5), "fcp": alike(4)}, ["fcp"])
        )
        self.assertEqual(cell.best, "cp")

    def test_a_cell_is_lost_above_one(self):
        lost = figures.Cell(matrix_part({"ours": alike(1.02, 1.02), "cp": alike(1, 1)}))
        self.assertTrue(lost.is_lost)
        even = figures.Cell(matrix_part({"ours": alike(1, 1), "cp": alike(1, 1)}))
        self.assertFalse(even.is_lost)

    def test_a_wide_spread_gives_five_percent(self):
        near = figures.Cell(matrix_part({"ours": alike(0.9, 1.02, 1.1), "cp": alike(1, 1, 1)}))
        self.assertEqual((near.limit, near.is_lost), (1.05, False))

    def test_costs(self):
        cost = figures.Cell(matrix_part({"ours": alike(2, 2), "cp": alike(4, 4)})).costs("ours")
        self.assertEqual(cost["gb_a_second"], 1)
        self.assertEqual(cost["files_a_second"], 50)
        self.assertEqual(cost["cpu_a_gb"], 0.75)
        self.assertEqual(cost["peak_mib"], 2)
        self.assertEqual(cost["calls_a_file"], 8)
        self.assertEqual(cost["sqes_an_enter"], 3)
        self.assertIsNone(cost["traffic_gb"])

    def test_empty_files_have_no_throughput(self):
        cost = figures.Cell(matrix_part({"ours": alike(2), "cp": alike(4)}, size=0)).costs("ours")
        self.assertIsNone(cost["gb_a_second"])

    def test_verdict(self):
        won = figures.Cell(matrix_part({"ours": alike(1, 1), "cp": alike(2, 2)}))
        lost = figures.Cell(matrix_part({"ours": alike(3, 3), "cp": alike(2, 2)}))
        self.assertEqual(
            figures.verdict([won, lost]),
            {"cells": 2, "lost": 1, "good": 1, "wide": 0, "more_cpu": 1},
        )

    def test_a_copy_that_fills_the_holes_is_another_work(self):
        with tempfile.TemporaryDirectory() as folder:
            sparse, kept, filled = (os.path.join(folder, name) for name in "abc")
            for path in (sparse, kept):
                with open(path, "wb") as file:
                    file.truncate(1 << 20)
                    file.write(b"x" * (256 << 10))
            with open(filled, "wb") as file:
                file.write(b"x" * (1 << 20))
            self.assertFalse(place.fills_holes(sparse, kept))
            self.assertTrue(place.fills_holes(sparse, filled))
            self.assertFalse(place.fills_holes(filled, filled))
            self.assertFalse(place.fills_holes(folder, folder))

    def test_what_counters_are_not_there_is_not_available(self):
        counts = counting.parse(
            "120,,raw_syscalls:sys_enter,9,100.00,,\n<not supported>,,cache-misses,0,\n"
        )
        self.assertEqual(counts["system_calls"], 120)
        self.assertIsNone(counts["cache_misses"])


PERF = """ 10.000001: syscalls:sys_enter_io_uring_enter: fd: 0x7, to_submit: 0x00000002, flags: 0x1
 10.000002:  io_uring:io_uring_submit_req: ring 0xff, req 0xa1, user_data 0x1, opcode READ_FIXED, flags 0x0
 10.000004:  io_uring:io_uring_submit_req: ring 0xff, req 0xa2, user_data 0x2, opcode WRITE, flags 0x0
 10.000005: io_uring:io_uring_queue_async_work: ring 0xff, request 0xa2, user_data 0x2, opcode WRITE, flags
 10.000008:  io_uring:io_uring_complete: ring 0xff, req 0xa1, user_data 0x1, result 4096, cflags 0x0
 10.000010: syscalls:sys_enter_io_uring_enter: fd: 0x7, to_submit: 0x00000000, flags: 0x1
 10.000014:  io_uring:io_uring_complete: ring 0xff, req 0xa2, user_data 0x2, result 4096, cflags 0x0
"""
BPFTRACE = """10000001000 enter 0 0 2
10000002000 submit ff a1 READ_FIXED
10000004000 submit ff a2 WRITE
10000005000 worker ff a2 WRITE
10000008000 complete ff a1 -
10000010000 enter 0 0 0
10000014000 complete ff a2 -
Attaching 4 probes...
"""


class Traces(unittest.TestCase):
    def look_at(self, summary):
        self.assertEqual(
            (summary["submissions"], summary["enters"], summary["enters_that_submit"]), (2, 2, 1)
        )
        read, write = (summary["operations"][name] for name in ("READ_FIXED", "WRITE"))
        self.assertAlmostEqual(read["median_us"], 6, 2)
        self.assertAlmostEqual(write["max_us"], 10, 2)
        self.assertEqual((read["to_workers"], write["to_workers"]), (0, 1))
        # 2 us of 1, 4 us of 2, 6 us of 1.
        self.assertAlmostEqual(summary["depth"], 16 / 12, 2)
        self.assertEqual(summary["depth_max"], 2)

    def test_by_perf(self):
        self.look_at(tracing.summarize([tracing.parse_perf(line) for line in PERF.splitlines()]))

    def test_by_bpftrace(self):
        events = filter(None, map(tracing.parse_bpftrace, BPFTRACE.splitlines()))
        self.look_at(tracing.summarize(list(events)))

    def test_of_nothing(self):
        summary = tracing.summarize([])
        self.assertEqual((summary["depth"], summary["operations"]), (0, {}))
        tracing.text(summary)

    def test_profile_tells_user_copies_from_those_of_the_kernel(self):
        profile = profiling.Profile.__new__(profiling.Profile)
        profile._count("ffff80 _copy_to_iter\n7f01 __memmove_avx\nffff81 read\n7f02 main\n\n")
        self.assertEqual((profile.samples, profile.user_copies, profile.kernel_copies), (4, 25, 25))


class Page(unittest.TestCase):
    def test_only_the_measured_part_is_replaced(self):
        page = "a\n<!-- measured: x -->\nold\n<!-- end -->\nb\n<!-- measured: y -->\n<!-- end -->\n"
        self.assertEqual(
            markdown.replace(page, "x", "new"),
            "a\n<!-- measured: x -->\nnew\n<!-- end -->\nb\n<!-- measured: y -->\n<!-- end -->\n",
        )

    def test_a_part_that_is_not_there_is_an_error(self):
        with self.assertRaises(ValueError):
            markdown.replace("nothing", "x", "new")

    def test_a_run_is_small_by_its_rounds_its_works_or_the_load(self):
        whole = {"rounds_asked": 5, "scale": 1.0, "load": 0.1}
        self.assertEqual(report.smallness({"a": whole}), "")
        for odd in ({"rounds_asked": 4}, {"scale": 0.5}, {"load": 1000}):
            self.assertNotEqual(report.smallness({"a": whole, "b": {**whole, **odd}}), "", odd)

    def test_the_readme_shows_the_matrix_with_device_and_date(self):
        with tempfile.NamedTemporaryFile("w+") as file:
            file.write("a\n<!-- measured: plot -->\n<!-- end -->\nb\n")
            file.flush()
            report._show_in_readme(file.name, {"device": "vda (a model)", "dates": ["2026-01-02"]})
            with open(file.name) as written:
                self.assertIn("vda, 2026-01-02](docs/bench/matrix.svg)", written.read())

    def test_answers_are_ratios_of_medians(self):
        part = {
            "kind": "methods",
            "state": "cached",
            "file_system": "ext4",
            "trials": {"managed": alike(3, 3), "fixed": alike(2, 2)},
        }
        self.assertIn(
            "managed : fixed | 1.50 | - |", report_insides.answers({"methods.cached": part})
        )

    def test_what_the_kernel_refused_is_not_answered(self):
        part = {
            "kind": "methods",
            "state": "cold",
            "file_system": "ext4",
            "trials": {"direct, IOPOLL": alike(3, 3), "direct": alike(2, 2)},
            "counts": {"direct, IOPOLL": {"iopoll": False}},
        }
        self.assertIn(
            "IOPOLL help? direct with it : without | - | refused here |",
            report_insides.answers({"methods.cold": part}),
        )


def inside_parts():
    return [part for some in inside.parts(1, 5) for part in some]


class Tables(unittest.TestCase):
    def test_each_line_of_a_row_compares_commands_of_its_contest(self):
        for table in (rows.rows(5, 3, 2), rows.rows_if_named(5)):
            for sitting in (one for of_row in table.values() for one in of_row):
                for contest in sitting.contests:
                    for line in contest.tells:
                        self.assertLessEqual(
                            {line.ours, line.theirs}, contest.commands.keys(), line.text
                        )

    def test_parts_have_names_of_their_own(self):
        tables = (cells.FIRST, cells.THEN, cells.LAST)
        names = [cell.name for table in tables for cell in cells.matrix(table)]
        names += [part.name for part in inside_parts()]
        self.assertEqual(len(names), len(set(names)))

    def test_questions_are_about_what_is_measured(self):
        commands = {name for part in inside_parts() for name in part.commands} | {"fio reads"}
        for _, _, ours, theirs in report_insides.QUESTIONS:
            self.assertIn(ours, commands)
            self.assertIn(theirs or ours, commands)

    def test_durable_is_an_option_or_a_sync(self):
        table = {one.name: one for one in contestants.TABLE}
        file, tree = works.GIB_FILE, works.TREE
        self.assertEqual(table["ours"].command(file, True), "{ours} --durable {src} {dst}")
        self.assertEqual(table["cp"].command(file, True), "sh -c 'cp {src} {dst} && sync {dst}'")
        self.assertEqual(
            table["cp"].command(tree, True), "sh -c 'cp -r {src} {dst} && sync -f {dst}'"
        )
        self.assertEqual(table["cp"].command(tree, False), "cp -r {src} {dst}")

    def test_memory_is_touched_more_than_twice_over(self):
        self.assertIn("touch 2300", preparing.cold(1000 << 20).format(bin="", src=""))


if __name__ == "__main__":
    result = unittest.main(exit=False, verbosity=0).result
    bad = len(result.failures) + len(result.errors)
    print(f"# {result.testsRun - bad} passed, {bad} failed, 0 skipped")
    sys.exit(bad > 0)
