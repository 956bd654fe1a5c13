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
# Not so where a link is in the way of what it leads to: cp takes it away, and then cannot read it.
# shellcheck disable=SC2317
is_in_its_way() {
    case $OPTIONS in *b* | *remove*) ;; *) return 1 ;; esac
    case "$FROM $1" in 'soft soft' | 'chain chain' | 'd/soft d/soft' | 'softlink softlink' | 'chain soft') return 0 ;; esac
    return 1
}
for options in -v -fv -bv -bfv '--backup=t -v' '--backup=t -fv' '--remove-destination -v' \
    '-f --remove-destination -v' '-b --remove-destination -v' -nv -uv '--preserve=links -v'; do
    for from in a ./a hard soft chain d/soft softlink; do
        export OPTIONS=$options FROM=$from
        same "$options $from onto each of its names" '' '
            for to in $NAMES; do
                if is_in_its_way $to; then continue; fi
                on=on-${to//\//,}; cp -a "$WORK/names" $on; cd $on
                $CP $OPTIONS "$FROM" "$to"; echo "$to: $?" >&2; cd ..
            done'
    done
done
holds 'a link is not taken away from what it leads to' "$setup"'
    for o in -b --backup=t --remove-destination; do
        for link in soft chain d/soft softlink; do $CP $o $link $link 2> err && false; grep -q "are the same file" err; test -L $link; done
        cp -a "$WORK/names" t; $CP $o t/chain t/soft; cmp t/soft a; test ! -L t/soft; test -L t/chain; rm -r t
    done'
# Each name of t is met by its own of s in another way. The tree is copied onto itself as well.
SORT=1
trees='
    mkdir -p s/d t/d; echo 1 > s/hard; ln s/hard t/hard; ln s/hard s/d/hard2; ln s/hard t/d/hard2; ln -s nowhere s/link; ln -P s/link t/link
    ln -s ../f s/linked; ln -P s/linked t/linked; echo f > f; echo 2 > t/to; ln -s ../t/to s/to; echo 3 > t/other; ln t/other t/other2; ln -s ../t/other2 s/other
    ln -s ../f s/both; ln -s ../f t/both; mkfifo s/fifo; ln s/fifo t/fifo; echo 4 > s/from; ln -s ../s/from t/from'
for options in -r -a -rl -al -rlf -alf -rn -an -ru -au -rb -ab '-a --backup=t' -rf -rH -rHb '-r --remove-destination' '-a --remove-destination' -rL -rLb; do
    export OPTIONS=$options
    same "$options where the trees share files" "$trees" '$CP $OPTIONS -T s t'
done
for options in -ri -ai -rli; do
    export OPTIONS=$options
    same "$options where the trees share files" "$trees" 'yes | $CP $OPTIONS -T s t; yes n | $CP $OPTIONS -T s t'
done
SORT=
same 'a tree onto itself: left alone with -n and -l, else an error' "$trees; ln -s s to" '
    for o in -r -rn -an -rl -al -alf -rli; do echo y | $CP $o -T s/. s; echo $?; $CP $o s/. to/; echo $?; done'
holds 'nothing is lost of a tree that is copied onto itself' "$trees; ln -s s to; cp -a s before"'
    for o in -r -a -rb -ab "-r --remove-destination" "-a --remove-destination" -rsf -rsb -rL "-rL --remove-destination" "-a --atomic" "-ab --atomic"; do
        $CP $o -T s/. s 2> err && false; $CP $o -T $PWD/s/. to/ 2> err && false; grep -q "are the same file" err
    done
    rm before/fifo; diff -r --no-dereference before s | grep -v "^Only in s: fifo$" && false; true'
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
abuse='mkdir a b c t; ln -s ../t/target a/1; echo payload > b/1'
same 'nothing is written through a link that an earlier source has made' "$abuse" '
    $CP -d a/1 b/1 c; $CP -dR a/1 b/1 c; rm c/1; touch t/target; $CP -d a/1 b/1 c; $CP -dp b/1 a/1 c; rm c/1; $CP -d --remove-destination a/1 b/1 c; rm c/1; $CP -df a/1 b/1 c; rm c/1; $CP -d --backup=t a/1 b/1 c'
finish
