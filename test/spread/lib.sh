# shellcheck shell=bash
# For the scripts beside this one, which source it: a place to work in, trees, and hosts.
#
#     make_tree DIRECTORY COUNT   a tree of about so many files, with all that a copy may get wrong
#     make_hosts COUNT            machines h1, h2, ... on a network of their own, each with its sshd, on the
#                                 filesystems of this one; 1 where that cannot be
#     spread ARGUMENT...          arsync-spread, on that network if there is one
#     kill_host NAME              its power goes
#     start_host NAME
#     make_slurm                  a Slurm over the hosts h1 to h3, made before them; 1 where that cannot be
#     status_of FIELD             a number of `arsync-spread --status s d`: units, done, failed, cut, left
#
# Cases are those of test/cli/lib.sh: holds TITLE COMMANDS.
. "$(dirname "${BASH_SOURCE[0]}")/../cli/lib.sh"

SPREAD=$(readlink -f "${ARSYNC_SPREAD:-$(dirname "${BASH_SOURCE[0]}")/../../tools/arsync-spread/arsync-spread}")
NETS=arsync-$$
hosts=()
HOST_DAEMON= # a command that each host starts besides
SLURM=       # its directory, if it runs
declare -A host_pid

# shellcheck disable=SC2317
clean_up_hosts() {
    local host
    if [ -n "$SLURM" ]; then kill "$(cat "$SLURM/slurmctld.pid")" "$(cat "$SLURM/munge/pid")" 2> /dev/null; fi
    for host in "${!host_pid[@]}"; do kill -9 "${host_pid[$host]}" 2> /dev/null; done
    for host in ${hosts[@]+"${hosts[@]}"} net; do ip netns del "$NETS-$host" 2> /dev/null; done
    clean_up
}
trap clean_up_hosts EXIT
trap 'exit 130' INT TERM

in_net() { if [ ${#hosts[@]} -gt 0 ]; then ip netns exec "$NETS-net" "$@"; else "$@"; fi; }
spread() { in_net "$SPREAD" --arsync-cp "$OURS" ${SSH_CONFIG:+--ssh "ssh -F $SSH_CONFIG"} "$@"; }

# The same for the background: $! is its process.
# shellcheck disable=SC2317
spread_alone() {
    local words=("$SPREAD" --arsync-cp "$OURS")
    if [ ${#hosts[@]} -gt 0 ]; then words=(ip netns exec "$NETS-net" "${words[@]}" --ssh "ssh -F $SSH_CONFIG"); fi
    exec "${words[@]}" "$@"
}

make_tree() {
    python3 "$(dirname "${BASH_SOURCE[0]}")/tree.py" "$1" "$2"
}

# A machine is a network, a name and processes of its own: killed with the first of them, as by a switch.
start_host() {
    local host=$1
    ip netns exec "$NETS-$host" unshare --uts --pid --mount-proc --fork --kill-child sh -c "
        hostname $host
        ${HOST_DAEMON-}
        exec /usr/sbin/sshd -D -f '$WORK/ssh/sshd_config' -E '$WORK/ssh/$host.log'" > /dev/null 2>&1 < /dev/null 9>&- &
    host_pid[$host]=$!
    disown
    ip -n "$NETS-$host" link set eth0 up
    ip -n "$NETS-net" route del unreachable "10.0.0.${host#h}" 2> /dev/null
    eventually "in_net ssh -F '$WORK/ssh/config' $host true 2> /dev/null"
}

kill_host() {
    ip -n "$NETS-$1" link set eth0 down
    kill -9 "${host_pid[$1]}"
    unset "host_pid[$1]"
    # Sessions that were open hang until ssh gives up; new ones need not wait for what is known.
    ip -n "$NETS-net" route add unreachable "10.0.0.${1#h}"
}

make_hosts() {
    local i host
    is_root && command -v ip ssh ssh-keygen > /dev/null && [ -x /usr/sbin/sshd ] || return 1
    ip netns add "$NETS-net" 2> /dev/null || return 1
    ip -n "$NETS-net" link set lo up
    ip -n "$NETS-net" link add bridge type bridge 2> /dev/null || { ip netns del "$NETS-net"; return 1; }
    ip -n "$NETS-net" addr add 10.0.0.254/24 dev bridge
    ip -n "$NETS-net" link set bridge up
    mkdir -p "$WORK/ssh" /run/sshd
    ssh-keygen -q -t ed25519 -N '' -f "$WORK/ssh/key"
    ssh-keygen -q -t ed25519 -N '' -f "$WORK/ssh/host_key"
    cp "$WORK/ssh/key.pub" "$WORK/ssh/authorized_keys"
    cat > "$WORK/ssh/sshd_config" << END
HostKey $WORK/ssh/host_key
AuthorizedKeysFile $WORK/ssh/authorized_keys
StrictModes no
UsePAM no
PermitRootLogin yes
PasswordAuthentication no
PidFile none
MaxStartups 100
END
    cat > "$WORK/ssh/config" << END
IdentityFile $WORK/ssh/key
IdentitiesOnly yes
UserKnownHostsFile /dev/null
StrictHostKeyChecking no
LogLevel ERROR
BatchMode yes
ConnectTimeout 20
ServerAliveInterval 1
ServerAliveCountMax 10
END
    for i in $(seq "$1"); do
        host=h$i
        ip netns add "$NETS-$host"
        hosts+=("$host")
        ip -n "$NETS-net" link add "$host" type veth peer name eth0 netns "$NETS-$host"
        ip -n "$NETS-net" link set "$host" master bridge up
        ip -n "$NETS-$host" link set lo up
        ip -n "$NETS-$host" addr add "10.0.0.$i/24" dev eth0
        printf 'Host %s\n    HostName 10.0.0.%d\n' "$host" "$i" >> "$WORK/ssh/config"
    done
    SSH_CONFIG=$WORK/ssh/config
    for host in "${hosts[@]}"; do start_host "$host" || return 1; done
}

# The controller on the network between the hosts, a slurmd on each; all trust one munged.
make_slurm() {
    is_root && command -v slurmctld slurmd sbatch munged > /dev/null || return 1
    SLURM=$WORK/slurm
    mkdir -p "$SLURM"/{state,spool,log}
    mkdir -m 700 "$SLURM/munge"
    chmod 755 "$SLURM"
    (umask 077 && head -c 1024 /dev/urandom > "$SLURM/munge/key")
    export SLURM_CONF=$SLURM/slurm.conf
    cat > "$SLURM_CONF" << END
ClusterName=test
SlurmctldHost=net(10.0.0.254)
SlurmUser=root
SlurmdUser=root
AuthType=auth/munge
CredType=cred/munge
AuthInfo=socket=$SLURM/munge/socket
StateSaveLocation=$SLURM/state
SlurmdSpoolDir=$SLURM/spool/%n
SlurmctldPidFile=$SLURM/slurmctld.pid
SlurmdPidFile=$SLURM/%n.pid
SlurmctldLogFile=$SLURM/log/slurmctld
SlurmdLogFile=$SLURM/log/%n
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
JobAcctGatherType=jobacct_gather/none
SelectType=select/linear
SchedulerType=sched/builtin
SchedulerParameters=batch_sched_delay=0,sched_interval=1
MpiDefault=none
SwitchType=switch/none
MailProg=/bin/true
ReturnToService=2
NodeName=h1 NodeAddr=10.0.0.1 CPUs=1
NodeName=h2 NodeAddr=10.0.0.2 CPUs=1
NodeName=h3 NodeAddr=10.0.0.3 CPUs=1
PartitionName=all Nodes=h1,h2,h3 Default=YES MaxTime=INFINITE State=UP
END
    # Hosts see no control groups, and nothing here needs them.
    mkdir "$SLURM/cgroup"
    printf 'CgroupPlugin=cgroup/v1\nCgroupMountpoint=%s\n' "$SLURM/cgroup" > "$SLURM/cgroup.conf"
    HOST_DAEMON="slurmd -f '$SLURM_CONF'"
    make_hosts 3 || return 1
    in_net munged --key-file="$SLURM/munge/key" --socket="$SLURM/munge/socket" --pid-file="$SLURM/munge/pid" \
        --log-file="$SLURM/munge/log" --seed-file="$SLURM/munge/seed" --force > "$SLURM/log/munged" 2>&1 || return 1
    in_net unshare --uts sh -c "hostname net; exec slurmctld -f '$SLURM_CONF'" > "$SLURM/log/out" 2>&1 || return 1
    eventually 'test "$(in_net sinfo -h -t idle -o %D 2> /dev/null)" = 3'
}

# shellcheck disable=SC2317
status_of() {
    spread --status s d | sed -nE 's/^units: ([0-9]+)( so far)?, ([0-9]+) done, ([0-9]+) with.*, ([0-9]+) cut off, ([0-9]+) not.*/units=\1 done=\3 failed=\4 cut=\5 left=\6/p' |
        tr ' ' '\n' | sed -n "s/^$1=//p"
}
