#!/usr/bin/env bash
# prove.sh [STEP...] - the tests of the worst day at length, one after the other, or these alone. `make prove` runs
# it, takes hours, and wants root.
#
# Each step is run to its end whatever the others said, and the last lines tell all of them; the status is 0 only
# where none failed. What has passed is not run again ($B/prove has it), so that what was cut off goes on: while the
# library, arsync-cp and what the step's tests are made of are the same, or, where a step is about all tests, the
# commit is. Each line tells at which commit it ran. Each length below may be set in the environment; then all is run.
set -u
cd "$(dirname "$0")/.." || exit 1
B=${B:-build}
lengths='CRASH_STATES=1000 CRASH_PLANS=5 CRASH_FLUSHES=all KILLS=350 ARSYNC_SIM_SWEEP=all ARSYNC_POOLS=100000
ARSYNC_STORM_S=600 ARSYNC_OPERATIONS=100000 ARSYNC_SEEDS=3 ARSYNC_OPPOSITE_ROUNDS=100 ARSYNC_ATTACK_MS=1000
ARSYNC_DYING_ALL=1 ARSYNC_FILL_LEVELS=200 ARSYNC_SOAK_S=600 ARSYNC_FAULTS_AT_LENGTH=1 ARSYNC_CLOSE_ALL=1 ARSYNC_RANDOM_TREES=10000'
unset MAKEFLAGS MAKELEVEL MFLAGS

make_here() {
    local -a without=()
    local length
    for length in $lengths; do without+=(-u "${length%%=*}"); done
    env "${without[@]}" make --no-print-directory -j"$(nproc)" B="$B" "$@"
}
# at_length COMMAND...: with all lengths. The other steps have the tests as `make check` has them.
at_length() {
    local -a set=(TEST_TIME_LIMIT="${TEST_TIME_LIMIT:-21600}")
    local length
    for length in $lengths; do set+=("${length%%=*}=$(printenv "${length%%=*}" || echo "${length#*=}")"); done
    env "${set[@]}" "$@"
}
# cases FILTER: those of test/system; that there is none is a failure.
cases() {
    at_length timeout "${TEST_TIME_LIMIT:-21600}" "$B/test/system" -tc="$1" &&
        [ "$("$B/test/system" -tc="$1" -c | grep -oE '[0-9]+$')" != 0 ]
}
compilers() {
    tools/deps.sh compilers
    if compgen -c | grep -qE '^(g|clang)\+\+-[0-9]+$'; then tools/compilers.sh; else
        echo 'SKIP: other compilers: none is installed'
        return 77
    fi
}

# Short ones first.
steps='simulation operations storm pools opposite swapped dying closed denied fill soak crashes random fuzzers
lint sanitizers coverage valgrind compilers clean-root every-step faults-source faults-destination'
run_step() {
    case $1 in
        simulation) make_here sim ;;
        every-step) at_length make --no-print-directory B="$B" RUN=sim run-tests ;;
        crashes)
            at_length make --no-print-directory B="$B" RUN=crash run-tests &&
                grep -hE '^[a-z0-9]+[,:] |^[0-9]+ of' "$B"/test/log/*test-crash.log
            ;;
        operations) cases '*operations at random*' ;;
        storm) cases '*storm of calls*' ;;
        pools) cases '*opened and closed leave*' ;;
        opposite) cases '*opposite directions*' ;;
        swapped) cases '*swapped*' ;;
        dying) cases '*middle of one file*' ;;
        closed) cases '*pool is closed*,*pool that is closed while*' ;;
        denied) cases '*whichever system call*' ;;
        fill) cases '*fill level*' ;;
        soak) cases '*round after round*' ;;
        faults-source) cases '*whichever operation fails at the source*' ;;
        faults-destination) cases '*whichever operation fails at the destination*' ;;
        random) ARSYNC_CP=$(realpath "$B")/arsync-cp at_length test/cli/random.sh ;;
        fuzzers) make_here fuzz ;;
        sanitizers) make_here asan TOGETHER=yes RUN='unit client sim fuzz cli system' && make_here tsan TOGETHER=yes ;;
        coverage | lint | valgrind) make_here "$1" ;;
        compilers) compilers ;;
        clean-root) tools/deps.sh clean && test/clean_root.sh ;;
        *) echo "prove.sh: there is no step '$1'; there are: $steps" >&2; return 2 ;;
    esac
}

# state STEP: what its result is valid for; nothing where that is not committed, or where there is no git.
state() {
    local -a paths
    local changed
    case $1 in
        lint | sanitizers | coverage | valgrind | compilers | clean-root) paths=(.) ;;
        simulation | every-step) paths=(test/sim) ;;
        crashes) paths=(test/crash test/system) ;;
        random) paths=(test/cli) ;;
        fuzzers) paths=(test/fuzz test/sim) ;;
        *) paths=(test/system test/fuse) ;;
    esac
    paths+=(lib include tools/arsync-cp Makefile ':(glob)test/*')
    changed=$(git status --porcelain -- "${paths[@]}") && [ -z "$changed" ] || return
    case ${paths[0]} in
        .) git rev-parse HEAD ;;
        *) git ls-files -s -- "${paths[@]}" | sha1sum | cut -d' ' -f1 ;;
    esac
}
# Most steps run what is built here, so that this must not change any more, either.
built=$(state operations)
make_here build "$B/test/system" "$B/test/faultfs" > /dev/null || exit 1
own_lengths=$(for length in SEEDS SECONDS ARSYNC_SIM_SEED ARSYNC_SEED KILL_SEED ARSYNC_RANDOM_SEED ARSYNC_ROUNDS $lengths; do printenv "${length%%=*}"; done)
[ $# -gt 0 ] || { read -ra all <<< "${steps//$'\n'/ }"; set -- "${all[@]}"; }
told=() failed=0
for step; do
    of=$(state "$step")
    records=$B/prove/${of:-uncommitted}
    mkdir -p "$records"
    if [ -n "$of" ] && [ -z "$own_lengths" ] && [ -f "$records/$step" ]; then
        told+=("$(< "$records/$step")")
        continue
    fi
    start=$SECONDS at=$(git describe --always --dirty)
    printf '\n== %s\n' "$step"
    (run_step "$step") 2>&1 | tee "$records/$step.log"
    status=${PIPESTATUS[0]}
    if [ "$status" = 0 ] && grep -q '^SKIP: ' "$records/$step.log"; then status=77; fi
    case $status in
        0)
            line="ok      $step ($((SECONDS - start)) s, at $at)"
            [ -z "$of" ] || [ -n "$own_lengths" ] || [ "$of$built" != "$(state "$step")$(state operations)" ] || echo "$line" > "$records/$step"
            ;;
        77) line="skipped $step" ;;
        *) line="not ok  $step ($records/$step.log)"; failed=$((failed + 1)) ;;
    esac
    told+=("$line")
done
printf '\n'
printf '%s\n' "${told[@]}"
[ "$failed" = 0 ]
