#!/usr/bin/env bash
# All cases but those of worst_day.sh.
exec "${ARSYNC_BUILD:-build}/test/system" -nss -sfe="$(paste -sd, "$(dirname "$0")/worst_day.txt")"
