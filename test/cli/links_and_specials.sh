#!/usr/bin/env bash
# -H -L -P -d -l -s, FIFOs, sockets and devices that are made anew, hard links in trees.
# shellcheck source-path=SCRIPTDIR source=lib.sh
. "$(dirname "$0")/lib.sh"

SORT=1
links='mkdir -p s/d t; echo 1 > s/f; echo 2 > s/d/g; ln -s f s/lf; ln -s d s/ld; ln -s zz s/dang; ln -s s/ld l; ln -s s/f m; ln -s zz n'
for option in '' -H -L -P -d -r -rH -rL -rP -rd -a -aH -aP -LP -PL -rHL; do
    export OPTION=$option
    same "$option and links on the command line" "$links" '$CP $OPTION -v l m n s/lf s/ld s/dang s/f t; $CP $OPTION -vT l new; $CP $OPTION -v m new2; $CP $OPTION -v n new3; $CP $OPTION -v l/ t'
    case $option in -*r* | -a*) same "$option and links in a tree" "$links" '$CP $OPTION -v s t; $CP $OPTION -v s/ld/.. new; $CP $OPTION s/d new/d' ;; esac
done
same 'kept links take the place of files and links' "$links; for i in 1 2 3 4; do mkdir t\$i; echo old > t\$i/lf; ln -s old t\$i/ld; ln -s old t\$i/dang; done" '
    $CP -Pv s/lf s/ld s/dang t1; $CP -dfv s/lf s/ld s/dang t2; $CP -Pbv s/lf s/ld s/dang t3; $CP -Pnv s/lf s/ld s/dang t4; $CP -Puv s/lf s/ld t4; $CP -Piv s/lf t4; echo y | $CP -Piv s/lf t4; $CP -P s/lf s/d; $CP -PT s/lf t'
same 'links onto themselves and what they lead to' "$links; cp -P s/lf s/lf2; ln s/lf s/lf3" '
    $CP -P s/lf s/lf; $CP -P s/lf s/f; $CP -P s/f s/lf; $CP -P s/lf s/lf2; $CP -P s/lf s/lf3; $CP -Pb s/lf s/lf3; $CP -P --remove-destination s/f s/lf; $CP -d s/lf2 s/f; $CP -Pf s/lf2 s/f; $CP -Pb s/lf2 s/f'
loops='mkdir -p s/d/e t; echo 1 > s/f; echo 2 > s/d/g; ln -s .. s/d/up; ln -s . s/d/self; ln -s ../../d s/d/e/over; ln -s b s/a; ln -s a s/b; ln -s ../d s/d/e/same'
same 'links that lead back to a directory on the way' "$loops" '$CP -rL s t; $CP -aL s u; $CP -rL s/d/up v; $CP -rL s/a s/b t'
same '-s keeps the times, and nothing else' "$links; find s -exec touch -h -d 2001-01-01 {} +; chown -h 1:1 s/f s/lf 2> /dev/null || true" 'for option in -as -sp -rs; do mkdir u; $CP $option $PWD/s $PWD/s/f $PWD/s/lf u 2> err; find u -type l ! -newermt 2002-01-01 -printf "%P %u\n" | sort; rm -r u; done'
COMPARE=times
same '-a keeps the times and owner of links' "$links; find s -exec touch -h -d 2001-01-01 {} +" '$CP -a s t/a; $CP -a s/lf s/dang t; $CP -p s/lf t/x; touch -d 2001-01-01 t/x; find t -type l -newermt 2002-01-01 -print'
COMPARE=
same '-l makes hard links' "$links; mkfifo s/p" '
    $CP -lv s/f t; $CP -lv s/f t; $CP -l s/d/g t/f; $CP -lf s/d/g t/f; $CP -lfv s/f t/f; $CP -lv s/lf s/p t; $CP -lPv s/lf t/lP; $CP -l s t; $CP -lb s/d/g t/f; $CP -ln s/f t/f; echo y | $CP -liv s/d/g t/f~; $CP -l s/dang t; $CP -l nope t; $CP -l --remove-destination -v s/f t/g'
same '-l of a tree' "$links" 'rm s/dang; $CP -rlv s t; $CP -rlv s/. t/new; $CP -alv s u; $CP -rl s u; $CP -rlf s/. u; echo x > s/new; rm u/f; echo other > u/f; $CP -rlT s u; $CP -rlfvT s/d u/d; $CP -al s/lf s/ld t'
same '-s makes symbolic links' "$links" '
    $CP -sv s/f x; $CP -sv s/f t; $CP -s $PWD/s/f t > /dev/null; $CP -sf $PWD/s/d/g t/f; $CP -s $PWD/s/lf t; find t -type l | xargs rm;  $CP -sbv s/d/g x; $CP -sn s/f x; $CP -s s/f x; $CP -s s t; (cd t && $CP -s ../s/f . ; $CP -s ../s/d/g h; ls -l h | tail -c 12); $CP -s s/f ./y; $CP -s s/f $PWD/z; $CP -s s/f t/. ; $CP -s nope q' 2> /dev/null
same '-s of a tree' "$links" '$CP -rsv $PWD/s t | sed "s=$PWD=PWD=g"; $CP -rsfT $PWD/s t/s; find . -type l -printf "%p %l\n" | sed "s=$PWD=PWD=g"; rm -rf t s l'
holds '-s of a tree by a relative name makes no link that leads nowhere' "$links"'
    $CP -rs s new 2> err && false; grep -qx "arsync-cp: new/d/g: can make relative symbolic links only in current directory" err; test $(wc -l < err) = 5; test ! -e new/f'
same 'nor does it tell of what is in a directory that could not be made' 'mkdir -p s/d s/e t/e; echo 1 > s/d/f; echo 2 > s/e/x; echo x > t/d' '$CP -rsT s t'
linked='mkdir -p s/d t; echo 1 > s/a; ln s/a s/b; ln s/a s/d/c; echo 2 > s/x; ln s/x outside; ln -s a s/l; ln s/l s/l2'
for option in -a -dr '-r --preserve=links' -r -rp '-a --no-preserve=links'; do
    export OPTION=$option
    same "$option and hard links" "$linked" '$CP $OPTION s t; $CP $OPTION s/a s/b s/x outside t; $CP $OPTION s t'
done
same 'hard links at the destination are set free of what they should not be' "$linked; mkdir -p t/s; echo old > t/s/a; ln t/s/a t/s/x; ln t/s/a keep" '$CP -av s t | grep -v "^removed"; cat keep'
if is_root; then
    holds 'a first copy that fails leaves its turn to the next' 'mkdir -p s t/s/a; echo 1 > s/a; ln s/a s/b; ln s/a s/c; $CP -a s t 2> err && false; test $(wc -l < err) = 1; cmp s/b t/s/b; test t/s/b -ef t/s/c'
    same 'FIFOs, sockets and devices are made anew' 'mkdir -p s/d t; mkfifo -m 620 s/p; mknod s/null c 1 3; mknod -m 600 s/d/disk b 7 99; python3 -c "import socket; socket.socket(socket.AF_UNIX).bind(\"s/sock\")"; echo x > s/f' '
        $CP -rv s t; $CP -av s t; $CP -rv s/p s/null s/d/disk s/sock t; $CP -av s/p s/sock t; $CP -rLv s/p t; $CP -rLf s/p t; $CP -rHv s/null t; $CP -rn s/p t; $CP -rbv s/p t; $CP -rv --remove-destination s/f t/null; $CP -rv s/p t/s/d; $CP -r s/p nope/x; as_nobody $CP -r s/p s/null t; chmod 777 .; as_nobody $CP -r s/null s/p s/d/disk u; mkdir -m 777 u; as_nobody $CP -r s/null s/p s/d/disk u; as_nobody $CP -r s u'
    same '--copy-contents reads them' 'mkdir -p s t; mknod s/null c 1 3; echo x > s/f; ln -s f s/l; mkfifo p' '$CP -rv --copy-contents s t; (echo in > p &); timeout 60 $CP -r --copy-contents p t; cat t/p; $CP -r --copy-contents /dev/null t'
else
    skip 'what takes the place of FIFOs, sockets and devices' 'needs root to make devices'
fi
same 'devices and FIFOs alone are read without -r' 'mkfifo p; mkdir t' '(echo in > p &); timeout 60 $CP -v p t; (echo in > p &); timeout 60 $CP -Pv p t/q; $CP -d /dev/null t/n'
several='mkdir a b c d e f g; for i in 1 2 3 4 5; do echo $i > a/$i; ln a/$i b/$i; ln b/$i c/$i; done; ln a/1 one; ln a/2 two; ln -s ../a/1 c/to'
same 'hard links between all that is named' "$several" '$CP -a a b c one d; $CP -dr one a two e; $CP -r --preserve=links c one two f; $CP -aH one c/to a g'
same 'hard links to what -L follows' "$several" '$CP -aL c d; $CP -aL a c e; $CP -dL c/to a/1 one f; $CP -rL c/to a/1 one g'
same 'hard links with --parents' "$several" '$CP -a --parents a/1 b/1 c d; $CP -d --parents a/1 b/1 one e'
same 'names that are met twice are names of one copy all the same' "$several" '$CP -a a a/1 b d; $CP -a a/2 a e; yes | $CP -ai a f; yes | $CP -ai a f'
holds 'hard links between listed names' "$several"'; find a b one > list; $CP -a --files-from=list . out; test "$(stat -c %h out/one)" = 3; test out/a/1 -ef out/one; test out/a/3 -ef out/b/3; test "$(stat -c %h out/a/4)" = 2'
if command -v python3 > /dev/null; then
    for umask in 022 077 000; do
        export UMASK=$umask
        same "sockets and FIFOs with --no-preserve=mode and umask $umask" 'mkdir s; cd s; mkfifo -m 755 p; python3 -c "import socket; socket.socket(socket.AF_UNIX).bind(\"sock\")"; chmod 700 sock' '
            umask $UMASK; mkdir d; $CP -r --no-preserve=mode s/p s/sock d; $CP -a --no-preserve=mode s new; $CP -r s plain'
    done
else
    skip 'modes of sockets' 'needs python3 to make them'
fi
finish
