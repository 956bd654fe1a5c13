#!/usr/bin/env bash
# -b, --backup, -S and the environment.
# shellcheck source-path=SCRIPTDIR source=lib.sh
. "$(dirname "$0")/lib.sh"

two='echo new > a; echo old > b'
same '-b renames the old file' "$two" '$CP -bv a b; $CP -bv a b; $CP -bv a new'
same 'numbered backups count up' "$two" 'for i in 1 2 3; do $CP --backup=numbered -v a b; done; $CP --backup=t -v a b'
same 'existing follows what is there' "$two" '
    $CP --backup=existing -v a b; $CP --backup=t -v a b; $CP --backup=nil -v a b; $CP -bv a b; $CP --backup -v a b'
same 'simple stays simple' "$two" '$CP --backup=t -v a b; $CP --backup=simple -v a b; $CP --backup=never -v a b'
same 'none makes none' "$two" '$CP --backup=none -v a b; $CP --backup=off -v a b; $CP --backup=off -b -v a b'
same '-S sets the suffix and asks for backups' "$two" '
    $CP -S .o -v a b; $CP --suffix=.p --backup=simple -v a b; $CP -bv --suffix .q a b; $CP -S "" -v a b; $CP -S x/y -v a b'
same 'the environment decides where the command line does not' "$two" '
    export VERSION_CONTROL=t; $CP a b; $CP -bv a b; $CP -b --backup=simple -v a b; $CP --backup=none -v a b
    $CP -S .k -v a b; VERSION_CONTROL= $CP -bv a b; VERSION_CONTROL=none $CP -bv a b; $CP --backup= -v a b
    VERSION_CONTROL=foo $CP -b a b; VERSION_CONTROL=foo $CP a b; VERSION_CONTROL=n $CP -b a b'
same 'SIMPLE_BACKUP_SUFFIX too' "$two" '
    export VERSION_CONTROL=simple; SIMPLE_BACKUP_SUFFIX=.p $CP -bv a b; SIMPLE_BACKUP_SUFFIX=/p $CP -bv a b
    SIMPLE_BACKUP_SUFFIX= $CP -bv a b; SIMPLE_BACKUP_SUFFIX=.q $CP -bv -S .r a b; SIMPLE_BACKUP_SUFFIX=.q $CP -S "" -bv a b'
same 'what looks like a number but is none does not count' "$two; for n in 9 007 1x 0 -1 ''; do echo > b.~\$n~; done; echo > xb.~50~; echo > b.~60; mkdir b.~8~" '
    $CP -bv a b; echo > b.~99~; $CP -bv a b; $CP -bv a b'
same 'numbers may be longer than any integer' "$two; echo > b.~99999999999999999999~" '$CP -bv a b; $CP -bv a b'
same 'the directory of the destination is where backups go' 'echo new > a; mkdir -p d/e; echo old > d/e/a; echo old > d/a; cd d; ln -s e l' '
    $CP --backup=t -v a d/e; $CP --backup=t -v a d/e/a; $CP -bv a d/l; $CP -vt d/e/ -b a; $CP -bv a ./d'
same 'a directory in the place of a simple backup is an error' "$two; mkdir b~" '$CP -bv a b; $CP --backup=t -v a b'
same 'a source that the backup would destroy is not copied' 'echo 1 > a~; echo 2 > a; ln -s a~ l; ln a~ h' '
    $CP -bv a~ a; $CP -bfv ./a~ a; $CP --backup=simple -v a~ a; $CP --backup=t -v a~ a; $CP -b -S .x a~ a'
same 'other names of the future backup are copied' 'echo 1 > a~; echo 2 > a; ln a~ h' '$CP --backup=simple -v h a'
same '-f -b on one name makes a backup of it' 'echo x > a; mkdir d; echo y > d/a; ln -s a l' '
    $CP -bfv a a; $CP --backup=t -fv a a; $CP -bv a a; $CP -fv a a; $CP -bfv a ./a; $CP -bfv l l; $CP -bfv d/a d; $CP -bfv no no'
same 'a failed copy puts the old file back' "$two; mkdir d; echo 0 > d/b; ln -s /proc/self/mem m" '
    $CP -bv m b; $CP --backup=t -v m d/b; $CP --backup=t -v b d; $CP --backup=simple -v m d/b'
same 'a file that has the backup as its second name keeps both' "$two; ln b b~" '$CP -bv a b; $CP -bv -S "~" a b'
same '-i asks about it once' "$two; ln b b~" 'printf "y\ny\ny\n" | $CP -ib a b'
# cp puts the old file aside and back, which -v tells, before it finds out; here nothing is moved.
same 'so does a symbolic link that may not be made' 'mkdir d s; echo new > s/a; echo old > d/a; ln -s a d/l' '
    $CP -s --backup=t s/a d; $CP -sb -T s/a d/a; $CP -sb -T s/a d/l; $CP -sf --backup=t -T s/a d/a'
same 'a symbolic link is itself put aside' "$two; ln -s b l" '$CP -bv a l'
if is_root; then
    holds 'where nobody but its owner may take a name away, no second one is made' '
        mkdir t; chmod 1777 t; echo old > t/f; chmod 666 t/f; echo new > a; for o in --backup=t "-b --atomic" "--backup=t --atomic"; do
            as_nobody $CP $o a t/f 2> err && false; grep -q "Operation not permitted" err; test "$(ls -A t)" = f; test "$(cat t/f)" = old; done'
    same 'a backup that cannot be made is an error' 'echo x > a; mkdir d; echo y > d/a' 'as_nobody $CP -bv a d; as_nobody $CP --backup=t -v a d'
    same 'a failed copy of what may not be read puts the old file back' "$two; chmod 0 a; chmod 666 b" 'as_nobody $CP -b a b; as_nobody $CP --backup=t a b'
    # cp does not find those that are there already.
    same 'backups in a directory that may not be listed' "$two; mkdir d; cp b d; chown -R nobody d; chmod 311 d" 'as_nobody $CP -b a d/b; as_nobody $CP --backup=t a d/b'
    holds 'numbered backups in a directory that may not be listed go on from those there' '
        mkdir d; echo old > d/b; echo 1 > d/b.~1~; echo new > a; chown -R 65534 d; chmod 311 d
        as_nobody $CP -b a d/b; as_nobody $CP --backup=t a d/b; test "$(cat d/b.~1~ d/b.~2~ d/b.~3~ d/b | tr "\n" " ")" = "1 old new new "'
    holds '--dry-run has made no backup that it could put back' "$two"'
        chmod 0 a; chmod 666 b; echo older > b~; for o in -b --backup=t; do
            as_nobody $CP --dry-run -v $o a b 2> err && false; test "$(cat err)" = "arsync-cp: cannot open '\''a'\'' for reading: Permission denied"; done
        echo old | cmp - b; echo older | cmp - b~; chmod 666 a; $CP --dry-run -sb -T a b'
else
    skip 'backups that may not be made' 'needs root to become nobody'
fi
n=$(printf '%0255d' 7)
holds 'a name too long for a backup loses nothing' "
    echo new > a; echo old > $n; \$CP -b a $n && false; \$CP --backup=t a $n && false; grep -q old $n"
holds 'with --atomic a backup is a second link, so the name is never missing' '
    echo new > a; echo old > b; i=$(stat -c %i b); $CP -b --atomic -v a b > out; grep -qx "'\''a'\'' -> '\''b'\'' (backup: '\''b~'\'')" out
    test $(stat -c %i b~) = $i; grep -q new b; echo newer > a; $CP -b --atomic a b; grep -q new b~; grep -q newer b'
holds 'with --atomic a failed copy takes the second link away' '
    echo old > b; $CP -b --atomic /proc/self/mem b && false; test ! -e b~; grep -q old b'
finish
