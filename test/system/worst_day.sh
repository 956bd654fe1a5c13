#!/usr/bin/env bash
# What goes wrong: the cases of the files in worst_day.txt. They count no calls and measure nothing, so that
# they may run beside others. The others are not told of as skipped: they are not meant.
exec "${ARSYNC_BUILD:-build}/test/system" -nss -sf="$(paste -sd, "$(dirname "$0")/worst_day.txt")"
