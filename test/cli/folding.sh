#!/usr/bin/env bash
# Names that are one name at the destination: exFAT, NTFS, and a filesystem of the tests' own.
. "$(dirname "$0")/lib.sh"

# An image of 64 MiB, mounted at $1 as $2 says.
mount_folding() {
    mkdir -p "$1"
    case $2 in
    faultfs) mount_faulty "$1" "$1.back" fold_case && return 0 ;;
    faultfs-by-name) mount_faulty "$1" "$1.back" fold_case inode_by_name no_link && return 0 ;;
    exfat)
        truncate -s 64M "$1.img"
        local device
        if mkfs.exfat "$1.img" && device=$(losetup -f --show "$1.img") && [ -n "$device" ]; then
            loops+=("$device")
            mount.exfat-fuse "$device" "$1" && mounts+=("$1") && return 0
        fi
        ;;
    ntfs)
        truncate -s 64M "$1.img"
        mkntfs -FQ "$1.img" && lowntfs-3g -o ignore_case "$1.img" "$1" && mounts+=("$1") && return 0
        ;;
    esac
    return 1
} > /dev/null 2>&1
loops=()
# shellcheck disable=SC2317
end() {
    local device
    clean_up
    for device in ${loops[@]+"${loops[@]}"}; do losetup -d "$device"; done
}
trap end EXIT

# What two names have in common is the content of one of them, in full.
pairs='mkdir s s/D s/d; echo one > s/F1; echo second > s/f1; echo D > s/D/x; echo d > s/d/x; head -c 3000000 /dev/zero | tr "\0" a > s/BIG; head -c 3000000 /dev/zero | tr "\0" b > s/big;'
# By the name that is listed: under another the kernel may have an old size in mind.
one_of_each='is() { find t/b -maxdepth 1 -iname $1; }; test "$(ls t/b | tr A-Z a-z | sort | tr "\n" " ")" = "big d f1 "; cmp $(is f1) s/F1 || cmp $(is f1) s/f1; cmp $(is big) s/BIG || cmp $(is big) s/big; diff -r $(is d) s/D || diff -r $(is d) s/d;'

for kind in faultfs faultfs-by-name exfat ntfs; do
    at=$WORK/$kind
    if ! mount_folding "$at" "$kind"; then
        skip "names that are one on $kind" 'cannot be mounted'
        continue
    fi
    for options in -r -a -rn '-rf --jobs=1' '-ru --remove-destination' '-a --atomic' '-r --backup=numbered --durable'; do
        holds "$kind: of two names that are one in a new directory the second is an error ($options)" "$pairs"'
            ln -s '"$at"' t; rm -rf t/b; $CP '"$options"' s t/b 2> err && false
            '"$one_of_each"'
            test "$(grep -c "File exists" err)" = 3; test "$(wc -l < err)" = 3'
    done
    holds "$kind: a name that was spelled otherwise before stays in a mirror, and what is extra goes" '
        ln -s '"$at"' t; rm -rf t/*; mkdir -p s/Sub; echo one > s/Readme; echo two > "s/Sub/É"; $CP -rT --mirror s t/b
        mv s/Readme s/README; echo longer > s/README; mv "s/Sub/É" "s/Sub/é"; mv s/Sub s/SUB; mkdir -p t/b/gone/deep; echo x > t/b/gone/deep/f; echo x > t/b/extra
        for way in --dry-run "" --skip-unchanged; do $CP -rT $way --mirror s t/b; done
        test "$(find t/b/ -mindepth 1 | wc -l)" = 3; eventually "test \$(cat t/b/[Rr]*) = longer"; test "$(cat t/b/[sS]*/*)" = two'
    holds "$kind: a mirror keeps what a name of its source leads to, though that is not copied" '
        ln -s '"$at"' t; rm -rf t/*; mkdir -p s/D; echo one > s/README; ln -s . s/UP
        for options in --directories-only "--exclude README --exclude UP" "--exclude *E* --exclude /U*" -L; do
            rm -rf t/b; mkdir -p t/b/up/deep t/b/extra; echo old > t/b/readme; echo old > t/b/up/deep/f
            $CP -rT $options --mirror s t/b 2> err || grep -q "UP" err
            test "$(ls t/b | tr A-Z a-z | sort | tr "\n" " ")" = "$(test -e t/b/[dD] && echo "d ")readme up "; test -e t/b/up/deep/f
        done'
    holds "$kind: the second of two names is an error in a directory that was there before, too" '
        ln -s '"$at"' t; rm -rf t/*; mkdir -p s/D t/b; echo one > s/F; echo d > s/D/x; $CP -aT s t/b
        echo two > s/f; mkdir s/d; echo second > s/d/y; ls t/b > before
        for options in -rT "-rT --remove-destination" "-rT --atomic" "-rT --mirror" "-aT -b"; do
            rm -f t/b/[Dd]/*; $CP $options s t/b 2> err && false; test "$(grep -c "File exists" err)" = 2
            test "$(ls t/b | grep -v "~$" | tr A-Z a-z)" = "$(tr A-Z a-z < before)"; grep -qx -e one -e two t/b/[Ff]; test "$(ls t/b/[Dd] | grep -cv "~$")" = 1
        done'
done

if mount_folding "$WORK/links" faultfs; then
    holds 'so are links, and what is special' '
        mkdir s; ln -s 1 s/L; ln -s 2 s/l; mkfifo s/P s/p; echo h > s/H; ln s/H s/other; echo x > s/h
        ln -s '"$WORK/links"' t; $CP -a s t/b 2> err && false; test "$(grep -c "File exists" err)" = 3; test "$(wc -l < err)" = 3
        test "$(ls t/b | tr A-Z a-z | sort | tr "\n" " ")" = "h l other p "; test "$(readlink t/b/l)" = 1 || test "$(readlink t/b/l)" = 2; test "$(cat t/b/other)" = h'
fi

finish
