#!/usr/bin/env bash
# What cp has not got: --json, --debug, --atomic, --durable, --verify, --method, --backend.
# shellcheck source-path=SCRIPTDIR source=lib.sh
. "$(dirname "$0")/lib.sh"

export PARSE='import json, sys; lines = [json.loads(line) for line in sys.stdin.buffer]; files = [l for l in lines if l["type"] == "file"]; summary = lines[-1]'
holds '-s and --skip-unchanged make the link, or complain that there can be none' '
    mkdir s t; echo x > s/f; $CP -s --skip-unchanged s/f nf; test "$(readlink nf)" = s/f; $CP -s --skip-unchanged "$PWD/s/f" t; test t/f -ef s/f
    $CP -s --skip-unchanged s/f t/g 2> err && false; test "$(cat err)" = "arsync-cp: t/g: can make relative symbolic links only in current directory"; test ! -L t/g'
holds '--skip-unchanged does not overwrite what was just made' '
    mkdir -p p q t; echo 1 > p/x; echo 2 > q/x; touch -d @1000 q/x; $CP --skip-unchanged p/x q/x t 2> err && false; test "$(cat err)" = "arsync-cp: will not overwrite just-created '\''t/x'\'' with '\''q/x'\''"; cmp p/x t/x
    touch -r t/x p/x; $CP --skip-unchanged p/x q/x t; cmp q/x t/x; echo old > t/y; ln -sf y t/x; $CP --skip-unchanged p/x q/x t 2> err && false; grep -q "through just-created symlink" err; cmp p/x t/y'
holds '--skip-unchanged parts files that were links of one another, and are two now' '
    mkdir s; echo x > s/a; ln s/a s/b; $CP -aT s t; test t/a -ef t/b; cp -p s/b s/c; mv s/c s/b; chmod 600 s/b
    $CP -aT --skip-unchanged s t; test "$(stat -c "%h %a" t/a t/b | tr "\n" " ")" = "1 644 1 600 "'
holds '--continue-on-error=no stops at a bad name of a list' '
    mkdir s t; echo a > s/a; printf "../x\na\n" | $CP --continue-on-error=no --files-from=- s t 2> err && false; test -z "$(ls t)"'
holds '--reflink=always copies what has no blocks' '
    $CP --reflink=always /sys/kernel/uevent_seqnum o; test -s o; $CP --method=reflink /proc/version p; cmp p /proc/version'
holds 'files that replace one another keep the mode of what they replace' '
    echo x > s; echo y > d; chmod 644 d; jobs=; for i in 1 2 3; do (for k in $(seq 60); do $CP --atomic s d || exit 1; done) & jobs="$jobs $!"; done; wait $jobs
    test "$(stat -c %a d)" = 644'
if command -v python3 > /dev/null; then
    holds '--json tells what was skipped or linked, and by what method a copy has failed' '
        mkdir s; mkfifo s/p; ln -s x s/l; echo x > s/f; $CP -aT s t; $CP -aT --skip-unchanged --json s t > out; bytes 3000000 x > big; echo > old; chmod 600 old
        (ulimit -f 1000; $CP --reflink=never --method=fixed --json big old >> out) && false; python3 -c "$PARSE
kinds = {l[\"source\"]: l[\"type\"] for l in lines if \"source\" in l}; failed = [l for l in lines if l.get(\"source\") == \"big\"][0]
assert (kinds[\"s/p\"], kinds[\"s/l\"], kinds[\"s/f\"]) == (\"special\", \"symbolic-link\", \"file\"), kinds
assert (failed[\"method\"], failed[\"bytes\"]) == (\"fixed\", 0), failed" < out'
    holds '--json tells of links that were refused' '
        mkdir s; echo x > s/f; $CP -rs --json s t > out 2> err && false; python3 -c "$PARSE
link, tree = lines[1:3]; assert (link[\"destination\"], link[\"outcome\"]) == (\"t/f\", \"failed\") and \"relative symbolic links\" in link[\"message\"], link
assert (tree[\"outcome\"], tree[\"entries\"], tree[\"directories\"], tree[\"errors\"], tree[\"symbolic_links\"]) == (\"failed\", 2, 1, 1, 0) and summary[\"failed\"] == 1, lines" < out'
    holds '--json gives an object a file, in order, and a last one' '
        mkdir d e; echo one > a; bytes 3000000 x > b; $CP --json a nope b e d 2> err > out && false
        python3 -c "$PARSE
assert [f[\"source\"] for f in files] == [\"a\", \"nope\", \"b\", \"e\"], files
assert [f[\"destination\"] for f in files] == [\"d/a\", \"d/nope\", \"d/b\", \"d/e\"], files
assert [f[\"outcome\"] for f in files] == [\"copied\", \"failed\", \"copied\", \"failed\"], files
assert files[0][\"bytes\"] == 4 and files[2][\"bytes\"] == 3000000 and files[2][\"method\"] != \"auto\"
assert files[1][\"message\"].startswith(\"cannot stat\") and files[3][\"message\"].startswith(\"-r not\")
assert summary[\"type\"] == \"summary\" and summary[\"files\"] == 4 and summary[\"copied\"] == 2 and summary[\"failed\"] == 2
assert summary[\"bytes\"] == 3000004 and summary[\"exit_status\"] == 1 and summary[\"backend\"] in (\"uring\", \"threads\") and summary[\"backend_reason\"]
" < out; test $(wc -l < err) = 2'
    holds '--json tells of what failed, and where' '
        $CP --json /proc/self/mem b 2> err > out && false
        python3 -c "$PARSE
f = files[0]; assert f[\"outcome\"] == \"failed\" and f[\"stage\"] == \"read\" and f[\"errno\"] == 5 and \"error reading\" in f[\"message\"], f" < out'
    if is_root; then
        holds '--json counts a file that has lost its times alone' '
            chmod 777 .; echo x > a; touch -d 2001-01-01 a; echo old > b; chmod 666 b; as_nobody $CP --json --preserve=timestamps a b > out 2> err && false
            cmp a b; python3 -c "$PARSE
assert files[0][\"outcome\"] == \"copied\" and files[0][\"stage\"] == \"times\" and files[0][\"errno\"] == 1, files
assert (summary[\"copied\"], summary[\"bytes\"]) == (1, 2), summary" < out'
    fi
    holds '--json is valid for any name' '
        name=$(printf "\377\"\\\\\n\t\001é\355\240\200\340\200x"); echo x > "$name"; $CP --json "$name" b > out
        python3 -c "$PARSE
assert bytes.fromhex(files[0][\"source_hex\"]) == b\"\\xff\\\"\\\\\\n\\t\\x01\\xc3\\xa9\\xed\\xa0\\x80\\xe0\\x80x\", files
assert files[0][\"source\"].startswith(\"\\ufffd\\\"\\\\\\n\\t\\x01\\u00e9\\ufffd\"), files
assert \"destination_hex\" not in files[0]" < out'
    holds '--json tells of skipped files, links, holes and backups' '
        mkdir d; echo 1 > a; ln a b; echo 2 > c; echo old > d/c; touch -d 2100-01-01 d/c; truncate -s 1M h; echo old > d/h; touch -d 2001-01-01 d/h
        $CP --json -bu --preserve=links a b c h d > out
        python3 -c "$PARSE
assert [f[\"outcome\"] for f in files] == [\"copied\", \"linked\", \"skipped\", \"copied\"], files
assert files[3][\"hole_bytes\"] == 1 << 20 and files[3][\"backup\"] == \"d/h~\", files
assert (summary[\"copied\"], summary[\"linked\"], summary[\"skipped\"], summary[\"hole_bytes\"]) == (2, 1, 1, 1 << 20)" < out'
    holds 'with --json, -v and --debug write to stderr' '
        echo x > a; $CP --json --debug a b > out 2> err; python3 -c "$PARSE" < out; test $(wc -l < out) = 2; grep -q "^.a. -> .b.$" err; grep -q ^backend: err'
    holds '--json tells of what is done while the rest is still to be' '
        mkdir d; echo x > a; mkfifo p; $CP --json a p d > out & child=$!; eventually "grep -q \"\\\"d/a\\\"\" out"; echo y > p; wait $child; test $(wc -l < out) = 3'
    holds '--json works without files' '$CP --json nope x > out 2> /dev/null && false; python3 -c "$PARSE
assert len(lines) == 2" < out'
else
    skip '--json' 'needs python3 to read it'
fi
holds '--debug tells the method of each file, the backend and why' '
    echo x > a; bytes 3000000 y > b; mkdir d; $CP --debug a b d > out
    grep -qx "'\''a'\'' -> '\''d/a'\''" out; test $(grep -c "^method: .*reflink: .*copy offload: " out) = 2
    test $(grep -c "^backend: .* (.*)" out) = 1; test $(grep -c "^buffers: .*registered" out) = 1; grep -q "^workers: " out'
if is_root; then
    holds '--debug says that buffers are not registered where no memory may be locked' '
        bytes 3000000 y > a; chmod 777 .; for limit in 0 64 1024; do
            (ulimit -l $limit; as_nobody $CP --debug --method=fixed a b) > out; cmp a b
            grep -Eq "^buffers: .* a worker; 0 registered, [1-9][0-9]* refused \(registering: .+\)$" out; rm b; done'
else
    skip '--debug says that buffers are not registered' 'needs root to become nobody'
fi
holds '--debug says why --sqpoll and --iopoll are or are not in force' '
    bytes 3000000 y > b; $CP --debug --sqpoll --iopoll b c > out; cmp b c; grep -q "^sqpoll: .*in force" out; grep -q "^iopoll: .*in force" out
    $CP --debug --backend=threads --sqpoll b d > out; grep -q "^backend: threads" out; grep -q "^sqpoll: not in force (.*)" out'
holds '--backend=threads uses no io_uring' '
    bytes 3000000 y > b
    if command -v strace > /dev/null && strace -f -o trace true 2> /dev/null; then
        ASAN_OPTIONS=detect_leaks=0 strace -f -e trace=io_uring_setup,io_uring_enter -o trace $CP --backend=threads b c; grep -q io_uring trace && false
    else $CP --backend=threads b c; fi; cmp b c'
for method in inline fixed direct buffered-direct direct-buffered heap managed copy_file_range; do
    holds "--method=$method copies sizes round its boundaries" "
        for n in 0 1 4095 4096 4097 262143 262144 262145 2097151 2097152 2097153 5000001; do bytes \$n \$n > s\$n; done; mkdir d e
        \$CP --method=$method s* d; for f in s*; do cmp \$f d/\$f; done
        \$CP --debug --method=$method --buffer-size=4K --buffers=2 s5000001 e | grep -q '^method: '; cmp s5000001 e/s5000001"
done
for cache in keep direct drop auto; do
    holds "--cache=$cache copies all the same" "bytes 5000001 x > a; echo y > b; mkdir d; \$CP --cache=$cache a b d; cmp a d/a; cmp b d/b"
done
holds '--atomic makes a new inode and leaves the old one to its other names' '
    echo new > a; echo old > b; ln b c; chmod 640 b; $CP --atomic -v a b; test "$(cat b c)" = "$(printf "new\nold")"; test $(stat -c %a b) = 640
    $CP --atomic a new; cmp a new; test "$(ls -A | tr "\n" " ")" = "a b c new "'
holds '--atomic replaces a symbolic link, even one to nothing' '
    echo new > a; echo t > t; ln -s t l; ln -s zz m; $CP --atomic a l; $CP --atomic a m; test ! -L l -a ! -L m; test "$(cat t)" = t; test ! -e zz'
holds '--atomic leaves a directory alone' 'echo x > a; mkdir d; $CP --atomic -T a d 2> err && false; grep -q "cannot overwrite directory" err; $CP --atomic a d; cmp a d/a'
holds '--atomic obeys -n, -u and -i' 'echo x > a; touch -d 2001-01-01 a; echo y > b; $CP --atomic -n a b; $CP --atomic -u a b; $CP --atomic -i a b < /dev/null; grep -q y b'
# LeakSanitizer and strace, which both want to trace, do not go together.
if command -v strace > /dev/null && (cd "$WORK" && strace -f -o probe true) 2> /dev/null; then
    holds 'one small file gets no pool, and a large one has one' '
        export ASAN_OPTIONS=detect_leaks=0; bytes 4000000 x > a; bytes 5000000 y > b
        for file in a b; do strace -f -o $file.trace -e trace=clone,clone3,sched_setaffinity,eventfd2 $CP --reflink=never $file c; cmp $file c; done
        test $(grep -cE "(eventfd2|clone3?)\(" a.trace) -lt $(grep -cE "(eventfd2|clone3?)\(" b.trace)'
    # One eventfd is the program's own, for signals; a pool has more.
    if image xfs -m reflink=1; then
        export XFS=$WORK/xfs
        large='bytes 5000000 x > $XFS/a; chmod 644 $XFS/a; rm -f $XFS/b; events() { grep -c "eventfd2(" trace; }; traced() { ASAN_OPTIONS=detect_leaks=0 strace -f -o trace -e trace=eventfd2,ioctl "$@"; };'
        holds 'a large one that shares its blocks with a new file has no pool either' "$large"'
            traced $CP -v $XFS/a $XFS/b > out; cmp $XFS/a $XFS/b; grep -q FICLONE trace; test $(events) = 1; test "$(cat out)" = "'\''$XFS/a'\'' -> '\''$XFS/b'\''"
            chmod 640 $XFS/a; touch -d 2001-01-01 $XFS/a; traced $CP -a $XFS/a $XFS/c; cmp $XFS/a $XFS/c; test $(events) = 1; test "$(stat -c "%a %y" $XFS/a)" = "$(stat -c "%a %y" $XFS/c)"; rm $XFS/c'
        holds 'and has one where it may not share, there is a file, or all is to be read again' "$large"'
            for how in --reflink=never --method=fixed --sparse=never; do traced $CP $how $XFS/a $XFS/b; cmp $XFS/a $XFS/b; test $(events) -gt 1; grep FICLONE trace && exit 1; rm $XFS/b; done
            traced $CP --verify $XFS/a $XFS/b; cmp $XFS/a $XFS/b; test $(events) -gt 1
            echo old > $XFS/b; traced $CP $XFS/a $XFS/b; cmp $XFS/a $XFS/b; test $(events) -gt 1
            for how in --durable -b -u --atomic -n --range=0:4999999 --cache=direct; do rm $XFS/b; traced $CP $how $XFS/a $XFS/b; cmp -n 4999999 $XFS/a $XFS/b; test $(events) -gt 1; done
            test "$(ls -A $XFS | tr "\n" " ")" = "a b "; echo old > $XFS/b; $CP -n $XFS/a $XFS/b; $CP --update=none-fail $XFS/a $XFS/b 2> err && exit 1
            grep -q "not replacing" err; test "$(cat $XFS/b)" = old'
        holds 'that the source cannot be flushed to be shared is told, and not tried again' "$large"'
            for error in EIO:Input/output ENOSPC:No.space; do
                traced -e inject=ioctl:error=${error%:*} $CP $XFS/a $XFS/b 2> err && exit 1; test $(grep -c FICLONE trace) = 1
                grep -q "^arsync-cp: failed to clone '\''$XFS/b'\'' from '\''$XFS/a'\'': ${error#*:}" err; test ! -e $XFS/b
            done'
        holds 'one that cannot be shared on its own disk goes to a pool after one try' "$large"'
            traced -e inject=ioctl:error=EOPNOTSUPP $CP $XFS/a $XFS/b; cmp $XFS/a $XFS/b
            test $(grep -c "FICLONE.*INJECTED" trace) = 2; test $(events) -gt 1; test "$(ls -A $XFS | tr "\n" " ")" = "a b "'
        holds 'one for another device is copied without a try, and one that cannot be made is told of once' "$large"'
            mkdir d; traced $CP $XFS/a d; cmp $XFS/a d/a; test $(events) -gt 1; test "$(ls -A d)" = a
            mkdir -m 555 $XFS/e; as_nobody $CP $XFS/a $XFS/e 2> err && exit 1; test "$(cat err)" = "arsync-cp: cannot create regular file '\''$XFS/e/a'\'': Permission denied"; rmdir $XFS/e'
    else
        skip 'a large one that shares its blocks with a new file has no pool' 'no XFS to be had'
    fi
    holds '--durable syncs the data before the name, and the name before it ends' '
        bytes 3000000 x > a; ASAN_OPTIONS=detect_leaks=0 strace -f -o trace -e trace=fdatasync,fsync,rename,renameat,renameat2,link,linkat,io_uring_enter $CP --backend=threads --durable --atomic a b
        cmp a b; grep -v EEXIST trace | grep -oE "(fdatasync|fsync|rename[a-z0-9]*|linkat?)\(" | uniq | tr -d "\n" | grep -qE "^fdatasync\((rename[a-z0-9]*|linkat?)\(fsync\($"'
else
    skip '--durable syncs in order' 'needs strace'
fi
holds '--durable copies into a directory that may only be searched and written' '
    bytes 100000 x > a; mkdir d; $CP --durable a d; cmp a d/a; $CP --durable --verify --atomic a d; cmp a d/a'
holds '--verify reads back what was written' '
    for n in 0 1 4097 3000001; do bytes $n v > s$n; done; truncate -s 1M s5; bytes 5 x >> s5; mkdir d e; $CP --verify s* d; for f in s*; do cmp $f d/$f; done
    $CP --verify --cache=direct s* e; for f in s*; do cmp $f e/$f; done'
if [ -z "${ARSYNC_SANITIZE:-}" ]; then
    holds 'little address space is enough for a copy that is verified' '
        mkdir s; bytes 30000000 x > s/large; for i in $(seq 60); do echo $i > s/$i; done
        for kib in 10000 20000 25000 35000 50000; do (ulimit -v $kib; $CP -a --verify s d); diff -r s d; rm -r d; done'
else
    skip 'little address space' 'a sanitizer takes much'
fi
# mount_distant MOUNTPOINT MILLISECONDS: an ext4 whose device answers so late.
mount_distant() {
    local program=${FAULTFS%/*}/distant_disk
    is_root && [ -x "$program" ] && [ -w /dev/fuse ] && command -v mkfs.ext4 losetup > /dev/null || return 1
    truncate -s 600M "$1.image"
    mkdir -p "$1.far"
    "$program" "$1.image" "$1.far" "$2" > "$1.log" 2>&1 < /dev/null 9>&- &
    eventually "test -e $1.far/disk" || return 1
    mounts+=("$1.far")
    loop=$(losetup -f --show --direct-io=on "$1.far/disk" 2> /dev/null) && mkfs.ext4 -q -E nodiscard "$loop" &&
        mount_at "$1" -o nodiscard "$loop"
    local status=$?
    [ -z "$loop" ] || losetup -d "$loop" # when it is unmounted
    mounts=("$1" "$1.far" ${mounts[@]+"${mounts[@]}"})
    return $status
}
if mount_distant "$WORK/distant" 20; then
    export DISTANT=$WORK/distant
    holds 'of a disk that is far away more is read at once than is usual' '
        bytes 400000000 x > "$DISTANT/a"; sync -f "$DISTANT/a"; echo 1 > /proc/sys/vm/drop_caches
        $CP --json "$DISTANT/a" b > out; cmp "$DISTANT/a" b
        tail -n 1 out | grep -oE "\"buffers_registered\":[0-9]+" | awk -F: "{ exit !(\$2 > 4) }"
        echo 1 > /proc/sys/vm/drop_caches; $CP --json "$DISTANT/a" --buffers=2 c > out; cmp b c
        tail -n 1 out | grep -q "\"buffers_registered\":2,"'
else
    skip 'of a disk that is far away more is read at once' 'needs root, ext4 and libfuse3'
fi
holds '--backend=uring is refused where there is none, with the reason' '
    echo x > a; if [ "$(cat /proc/sys/kernel/io_uring_disabled 2> /dev/null)" = 2 ]; then
        $CP --backend=uring a b 2> err && false; grep -q "^arsync-cp: cannot use io_uring: " err; test ! -e b
    else $CP --backend=uring a b; cmp a b; fi'
if command -v valgrind > /dev/null && [ -z "${ARSYNC_SANITIZE:-}" ]; then
    holds 'valgrind finds nothing wrong, and copies end under it' '
        bytes 3000000 x > a; mkdir -p s/d; bytes 300000 y > s/d/f; V="timeout -s KILL 60 valgrind -q --error-exitcode=9"
        $V $CP --method=heap --verify a b; cmp a b; $V $CP -a s t; cmp s/d/f t/d/f
        ldd "$CP" || exit 0 # into a static program nothing is loaded by which it could tell
        $V $CP --backend=uring a c 2> err && false; grep -q "^arsync-cp: cannot use io_uring: Operation not supported" err'
else
    skip 'valgrind finds nothing wrong' 'needs valgrind, and no sanitizer'
fi
holds 'a range keeps the holes, however short descriptors are' '
    truncate -s 8M a; echo data | dd of=a bs=1 seek=1M conv=notrunc 2> err; for limit in 7 8 9 10 11 12 20; do rm -f b; if (ulimit -n $limit; $CP --range=0:8M a b 2> err); then cmp a b; test $(stat -c %b b) -le 64; else test ! -e b; grep -q "Too many open files" err; fi; done'
holds 'what is in the way of a range is named' '
    echo x > a; mkdir d; $CP -T --range=0:1 a d 2> err && false; grep -q "cannot overwrite directory .d. with non-directory" err'
finish
