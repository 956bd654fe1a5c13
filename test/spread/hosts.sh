#!/usr/bin/env bash
# arsync-spread on three hosts that share a filesystem, by GNU parallel; one of them loses its power.
. "$(dirname "$0")/lib.sh"

if ! command -v fpart parallel > /dev/null || ! make_hosts 3; then
    skip 'arsync-spread on several hosts' 'needs root, network namespaces, sshd, fpart and GNU parallel'
    finish
fi
make_tree "$WORK/s" 600
cp -a "$WORK/s" "$WORK/judge"

# Slow enough for something to happen meanwhile; on h2 for ever.
cat > "$WORK/cp" << END
#!/bin/sh
if [ "\$(uname -n)" = h2 ] && [ -e '$WORK/h2-hangs' ]; then echo \$\$ > '$WORK/h2-has-begun'; sleep 1000; fi
exec '$OURS' "\$@"
END
chmod +x "$WORK/cp"

holds 'three hosts copy one tree, one is killed with its power in the middle, and the others do its work' '
    ln -s '"$WORK"'/s s; touch '"$WORK"'/h2-hangs
    in_net '"$SPREAD"' --arsync-cp '"$WORK"'/cp --ssh "ssh -F $SSH_CONFIG" --on=h1,h2,h3 --files=100 --chunk=8M -v s/ d > out & pid=$!
    eventually "test -e '"$WORK"'/h2-has-begun && ls .d.arsync-spread/records | grep -q ."; kill_host h2
    wait $pid; cat out; identical '"$WORK"'/judge d
    grep -q " on h2" out && false; test "$(status_of done)" = "$(status_of units)"'
rm -f "$WORK/h2-hangs"
holds 'where no host is left a run ends, and the next one goes on with what is not done' '
    ln -s '"$WORK"'/s s; start_host h2 || true; for host in h1 h2 h3; do kill_host $host; done
    is=0; spread --on=h1,h2,h3 --files=100 s/ d 2> err || is=$?; test $is = 3; is=0; spread --status s d || is=$?; test $is = 3
    start_host h3; spread --on=h3 --files=100 s/ d; identical '"$WORK"'/judge d'
finish
