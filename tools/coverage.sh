#!/usr/bin/env bash
# coverage.sh BUILD - what of lib/ was reached by the programs of a build with --coverage: of each file the
# lines and branches, least covered first, then all of it. $LINES_MIN and $BRANCHES_MIN are percentages
# below which it fails (95, 85).
# coverage.sh --begin BUILD - forget what was reached before.
#
# Only by processes that have ended by themselves: those that a test kills say nothing. A branch that only
# an exception takes, at any call that may throw, is not counted.
set -eu
cd "$(dirname "$0")/.."
if [ "$1" = --begin ]; then
    # A program of another user adds to the files, too, but could not make them.
    find lib tools/arsync-cp test/{unit,sim,system} -name '*.cpp' | while read -r source; do
        data=$2/obj/${source%.cpp}.gcda
        mkdir -p "${data%/*}" && : > "$data" && chmod a+rw "$data"
    done
    exit
fi
build=$1
command -v gcovr > /dev/null || { echo 'make coverage: no gcovr (tools/deps.sh coverage)' >&2; exit 1; }
mkdir -p "$build/report"
gcovr --root . --object-directory "$build/obj/lib" --filter lib/ --exclude-throw-branches -j "$(nproc)" \
    --exclude-unreachable-branches --json-summary "$build/report/summary.json" --html-details "$build/report/index.html" "$build/obj/lib"
python3 - "$build/report/summary.json" "${LINES_MIN:-95}" "${BRANCHES_MIN:-85}" <<'PYTHON'
import json
import sys

with open(sys.argv[1]) as file:
    summary = json.load(file)
share = lambda of, what: 100 * of[what + "_covered"] / max(1, of[what + "_total"])
for each in sorted(summary["files"], key=lambda each: share(each, "line")):
    print(f"{share(each, 'line'):6.1f} % of {each['line_total']:4} lines, {share(each, 'branch'):6.1f} % "
          f"of {each['branch_total']:4} branches  {each['filename']}")
lines, branches = share(summary, "line"), share(summary, "branch")
print(f"lib/: {lines:.1f} % of {summary['line_total']} lines, {branches:.1f} % of {summary['branch_total']} branches")
sys.exit(lines < float(sys.argv[2]) or branches < float(sys.argv[3]))
PYTHON
