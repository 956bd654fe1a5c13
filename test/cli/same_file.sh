#!/usr/bin/env bash
# A file is not copied onto itself, whatever its two names are; every pair of names, every option.
# shellcheck source-path=SCRIPTDIR source=lib.sh
. "$(dirname "$0")/lib.sh"

setup='
    echo x > a; ln a hard; ln -s a soft; ln -s a soft2; ln -s soft chain; ln -s hard softhard; mkdir d
    ln -s ../a d/soft; ln -s . dot; ln soft softlink; cp a other'
mkdir "$WORK/names"
(cd "$WORK/names" && eval "$setup")
export NAMES='a ./a hard soft soft2 chain softhard d/soft d/../a softlink'
for options in -v -fv -bv -bfv '--backup=t -v' '--backup=t -fv' '--remove-destination -v' \
    '-f --remove-destination -v' '-b --remove-destination -v' -nv -uv '--preserve=links -v'; do
    for from in a ./a hard soft chain d/soft softlink; do
        export OPTIONS=$options FROM=$from
        same "$options $from onto each of its names" '' '
            for to in $NAMES; do
                on=on-${to//\//,}; cp -a "$WORK/names" $on; cd $on
                $CP $OPTIONS "$FROM" "$to"; echo "$to: $?" >&2; cd ..
            done'
    done
done
# cp 9.1 takes the file away in both of these, before it finds out.
holds 'a name through a link to its directory is the same name' "$setup"'
    for o in -b --remove-destination; do
        for to in a dot/a; do
            for from in a dot/a; do $CP $o $from $to 2> err && false; grep -q "are the same file" err; done
        done
    done
    cmp a other; test ! -e a~'
holds '--atomic never copies a file onto itself' "$setup"'
    for to in a ./a hard d/../a dot/a; do $CP --atomic a $to 2> err && false; grep -q "are the same file" err; done
    test "$(cat a)" = x; test $(stat -c %h a) = 2'
holds '--atomic never takes the source away through a symbolic link to it' "$setup"'
    for to in soft chain d/soft; do $CP --atomic a $to || true; done
    for from in soft chain d/soft; do $CP --atomic $from a 2> err && false; grep -q "are the same file" err; done
    cmp a other; test ! -L a'
finish
