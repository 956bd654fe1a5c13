#!/usr/bin/env bash
# What a tree holds over what is there, of every kind over every other: what is replaced, what stays.
# shellcheck source-path=SCRIPTDIR source=lib.sh
. "$(dirname "$0")/lib.sh"

if ! is_root || ! command -v python3 > /dev/null; then
    skip 'kinds over kinds' 'needs root to make devices, and python3 to make sockets'
    finish
fi

SORT=1
make() {
    case $1 in
        regular) echo "$2" > "$2" ;;
        shared) echo "$2" > "$2"; ln "$2" "other-$2" ;;
        link) ln -s target "$2" ;;
        dangling) ln -s nowhere "$2" ;;
        fifo) mkfifo "$2" ;;
        socket) python3 -c 'import socket, sys; socket.socket(socket.AF_UNIX).bind(sys.argv[1])' "$2" ;;
        device) mknod "$2" c 1 3 ;;
        directory) mkdir "$2" ;;
    esac
}
# In "pairs" each name says what it is in s and what is there in t. Without those where we differ, see
# CAVEATS: a regular file over a link, or over what would be written to.
mkdir -p "$WORK/pairs/s" "$WORK/pairs/t"
for from in regular link fifo socket device; do
    for to in regular shared link dangling fifo socket device directory; do
        case $from-$to in regular-link | regular-dangling | regular-fifo | regular-device) continue ;; esac
        (cd "$WORK/pairs/s" && make $from $from-over-$to)
        (cd "$WORK/pairs/t" && make $to $from-over-$to)
    done
done
echo x > "$WORK/pairs/s/target"
echo y > "$WORK/pairs/t/target"
export PAIRS=$WORK/pairs
setup='cp -a $PAIRS/. .'
for options in -r -a -d -rf -rH -ru -rn -an -rb -ab '-a --remove-destination' '-r --attributes-only' '-a --attributes-only' \
    '-a --attributes-only --remove-destination' -l -rl -al -rHl -rlf -alf -rlb '-rl --remove-destination'; do
    export OPTIONS=$options
    same "$options, each kind over each" "$setup" '$CP $OPTIONS -rT s t'
done
for options in -rs -as -rsf -asf -rsb '-rs --remove-destination'; do
    export OPTIONS=$options
    same "$options, each kind over each" 'cp -a $PAIRS/t .' '$CP $OPTIONS -T $PAIRS/s t'
done
finish
