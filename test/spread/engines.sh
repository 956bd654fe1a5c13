#!/usr/bin/env bash
# arsync-spread by fpsync, and by Slurm with several nodes on this machine.
. "$(dirname "$0")/lib.sh"

if ! command -v fpart fpsync > /dev/null; then
    skip 'arsync-spread by fpsync and by Slurm' 'fpart is not installed'
    finish
fi
make_tree "$WORK/s" 400
cp -a "$WORK/s" "$WORK/judge"

holds 'fpsync runs the units' '
    spread --engine=fpsync -j 2 --files=100 --chunk=8M '"$WORK"'/s d -v > out; cat out; identical '"$WORK"'/judge d
    spread --engine=fpsync --chunk=8M '"$WORK"'/s d > out; grep -q "0 of them now" out'

holds 'fpsync that is stopped ends its units, and no process that has the number of one by now' '
    mkdir s bin; bytes 60000000 a > s/a; cat > bin/ssh << "END"
#!/bin/sh
# The host is this one; what runs there does not end with its ssh.
while [ "${1#-}" != "$1" ]; do [ "$1" != -o ] || shift; shift; done; shift; exec setsid -w sh -c "$*"
END
    chmod +x bin/ssh; for how in -v --on=h; do rm -rf d .d.*; sleep 100 & other=$!; ( PATH=$PWD/bin:$PATH; spread_alone --engine=fpsync $how $PWD/s d -- --bwlimit=200K ) & pid=$!; eventually "test -e .d.arsync-spread/running/1"
        read -r host unit began < .d.arsync-spread/running/1; kill -0 $unit; for stale in 2 3; do echo "$host $other $began" > .d.arsync-spread/running/$stale; done; exec 8> .d.arsync-spread/locks/3; flock 8
        kill -INT $pid; is=0; wait $pid || is=$?; test $is = 130; exec 8>&-; kill -0 $other; eventually "! kill -0 $unit && flock -n .d.arsync-spread/locks/1 true"; kill $other; done'
if make_slurm; then
    holds 'Slurm runs the units on its nodes, and the directories last' '
        in_net "$SPREAD" --arsync-cp "$OURS" --engine=slurm --files=60 --chunk=8M '"$WORK"'/s d -v > out; cat out; identical '"$WORK"'/judge d
        for host in h1 h2 h3; do grep -q " on $host: complete" out; done; grep -q "^unit end .directories. on .*: complete" out'
    # fpsync takes the ssh that there is.
    holds 'fpsync runs units on hosts' '
        mkdir bin; printf "#!/bin/sh\nexec %s -F %s \"\$@\"\n" "$(command -v ssh)" "$SSH_CONFIG" > bin/ssh; chmod +x bin/ssh; PATH=$PWD/bin:$PATH
        in_net "$SPREAD" --arsync-cp "$OURS" --engine=fpsync --on=h1,h2 --files=60 --chunk=8M '"$WORK"'/s d -v > out; cat out; identical '"$WORK"'/judge d
        for host in h1 h2; do grep -q " on $host: complete" out; done'
    holds 'fpsync that is stopped leaves nothing running on hosts' '
        mkdir bin s; printf "#!/bin/sh\nexec %s -F %s \"\$@\"\n" "$(command -v ssh)" "$SSH_CONFIG" > bin/ssh; chmod +x bin/ssh; PATH=$PWD/bin:$PATH
        bytes 60000000 a > s/a; bytes 60000000 b > s/b; spread_alone --engine=fpsync --on=h1,h2 --files=1 $PWD/s d -- --bwlimit=200K & pid=$!; locks=.d.arsync-spread/locks
        eventually "test -e .d.arsync-spread/running/1 -a -e .d.arsync-spread/running/2"; flock -n $locks/1 true && false; kill -INT $pid; is=0; wait $pid || is=$?; test $is = 130
        eventually "flock -n $locks/1 true && flock -n $locks/2 true"'
else
    tail -n 3 "$WORK"/slurm/log/* 2> /dev/null
    skip 'arsync-spread by Slurm' 'needs root, network namespaces, sshd, slurmctld, slurmd and munged'
fi
finish
