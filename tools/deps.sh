#!/usr/bin/env bash
# deps.sh [GROUP...] - install the packages that are missing: build, test, bench, lint (default: these), contest,
# package, fuzz, coverage, clean (for test/clean_root.sh), compilers (for tools/compilers.sh: each g++ from 12 and
# clang++ from 14 on that a Debian has).
#
# Quick when nothing is missing: it looks for the command, header or library, not for the package.
# Without what `build` needs there is no way on, and it fails. Without the rest it says what will be
# skipped, and goes on.
set -u

# group | how to see that it is there | Debian, Ubuntu (A/B: the first that there is) | Fedora | Arch | why
table='
build | command:c++          | g++              | gcc-c++                | gcc        | compiles everything
build | library:libstdc++.a  | g++              | libstdc++-static       | gcc        | is linked into the library: a quick start, no clash of runtimes
build | command:pkg-config   | pkg-config       | pkgconf-pkg-config     | pkgconf    | tells programs how to link the library
build | header:liburing.h    | liburing-dev     | liburing-devel         | liburing   | io_uring
build | header:xxhash.h      | libxxhash-dev    | xxhash-devel           | xxhash     | the hash that --verify compares
test  | header:doctest/doctest.h | doctest-dev  | doctest-devel          | doctest    | the unit, simulation and system tests
test  | command:mkfs.ext4    | e2fsprogs        | e2fsprogs              | e2fsprogs  | every method on a real ext4
test  | command:mkfs.xfs     | xfsprogs         | xfsprogs               | xfsprogs   | every method on a real XFS
test  | command:mkfs.btrfs   | btrfs-progs      | btrfs-progs            | btrfs-progs | every method on a real btrfs
test  | command:losetup      | mount            | util-linux             | util-linux | mounts their images
test  | command:setfacl      | acl              | acl                    | acl        | a copy keeps ACLs
test  | command:setfattr     | attr             | attr                   | attr       | a copy keeps extended attributes
test  | command:getcap       | libcap2-bin      | libcap                 | libcap     | a copy keeps file capabilities
test  | command:rsync        | rsync            | rsync                  | rsync      | judges whether two trees are alike
test  | module:fuse3         | libfuse3-dev     | fuse3-devel            | fuse3      | a filesystem of the tests that fails on demand
test  | command:mount.exfat-fuse | exfat-fuse | fuse-exfat            | exfat-utils | names that fold, on a filesystem that people have
test  | command:mkfs.exfat   | exfatprogs       | exfatprogs             | exfatprogs | makes it
test  | command:lowntfs-3g   | ntfs-3g          | ntfs-3g                | ntfs-3g    | the same of NTFS
test  | command:rclone      | rclone           | rclone                 | rclone     | a mount that takes files only in order
test  | command:lxcfs       | lxcfs            | lxcfs                  | lxcfs      | files whose size is not theirs
test  | module:libzstd       | libzstd-dev      | libzstd-devel          | zstd       | an example compresses
test  | command:zstd         | zstd             | zstd                   | zstd       | unpacks what it has compressed
test  | command:strace       | strace           | strace                 | strace     | the order of what makes a copy durable
test  | command:valgrind     | valgrind         | valgrind               | valgrind   | copies end under it, and it finds nothing wrong
build | command:script       | bsdutils         | /usr/bin/script        | util-linux | the progress line that make demo shows
test  | command:python3      | python3          | python3                | python     | sockets, terminals, and a reader of JSON
test  | command:go           | golang           | golang                 | go         | the Go package (1.21 or later gets the release it needs by itself)
test  | command:cargo        | cargo-web/cargo  | cargo                  | rust       | the Rust crates (1.85 or later, which Debian 12 has under the first name)
test  | python:pytest        | python3-pytest   | python3-pytest         | python-pytest | the Python module
test  | command:pip          | python3-pip      | python3-pip            | python-pip | builds its wheel
test  | command:git          | git              | git                    | git        | a filter leaves out what git would
test  | command:clang++      | clang            | clang                  | clang      | the header and the source must please a second compiler
test  | command:man          | man-db           | man-db                 | man-db     | formats the man pages
test  | command:hyperfine    | hyperfine        | hyperfine              | hyperfine  | the suite of benchmarks runs
test  | command:cmake        | cmake            | cmake                  | cmake      | a program finds the library by it
test  | command:meson        | meson            | meson                  | meson      | the same
test  | command:ninja        | ninja-build      | ninja-build            | ninja      | builds what meson has found
test  | command:zsh          | zsh              | zsh                    | zsh        | its completions
test  | command:fish         | fish             | fish                   | fish       | its completions
test  | command:fpart        | fpart            | fpart                  | fpart      | makes the lists that arsync-spread shares out
test  | command:parallel     | parallel         | parallel               | parallel   | arsync-spread on several hosts
test  | command:sshd         | openssh-server   | openssh-server         | openssh    | such hosts
test  | command:ip           | iproute2         | iproute                | iproute2   | a network for them
test  | command:slurmctld    | slurmctld        | slurm-slurmctld        | slurm-llnl | arsync-spread by Slurm
test  | command:slurmd       | slurmd           | slurm-slurmd           | slurm-llnl | such hosts
test  | command:sbatch       | slurm-client     | slurm                  | slurm-llnl | what submits to them
test  | command:munged       | munge            | munge                  | munge      | what they trust each other by
bench | command:mkfs.ext4    | e2fsprogs        | e2fsprogs              | e2fsprogs  | fresh file systems to measure on
bench | command:mkfs.xfs     | xfsprogs         | xfsprogs               | xfsprogs   | reflinks on XFS
bench | command:mkfs.btrfs   | btrfs-progs      | btrfs-progs            | btrfs-progs | reflinks on btrfs
bench | command:losetup      | mount            | util-linux             | util-linux | mounts their images
bench | command:hyperfine    | hyperfine        | hyperfine              | hyperfine  | times whole commands
bench | command:rsync        | rsync            | rsync                  | rsync      | what trees are measured against, beside cp
bench | command:perf         | linux-perf       | perf                   | perf       | shows where the time goes
bench | command:gnuplot      | gnuplot-nox      | gnuplot                | gnuplot    | draws the plots of make bench-full
bench | command:fio          | fio              | fio                    | fio        | what a device gives, past the page cache
bench | command:python3      | python3          | python3                | python     | runs the contests and prints their figures
contest | command:rclone      | rclone           | rclone                 | rclone     | copies files and trees, too
contest | command:cargo       | cargo-web/cargo  | cargo                  | rust       | installs xcp, fcp, cpz and the cp of uutils
lint  | command:clang++      | clang            | clang                  | clang      | a second set of warnings
lint  | command:clang-format | clang-format     | clang-tools-extra      | clang      | the layout of the source
lint  | command:clang-tidy   | clang-tidy       | clang-tools-extra      | clang      | mistakes that no compiler warns of
lint  | command:shellcheck   | shellcheck       | ShellCheck             | shellcheck | the scripts
test  | command:mandoc       | mandoc           | mandoc                 | mandoc     | finds mistakes in man pages
test  | command:groff        | groff            | groff                  | groff      | the same, and formats them
lint  | command:mandoc       | mandoc           | mandoc                 | mandoc     | the man page of arsync-cp
fuzz  | fuzzer:libFuzzer     | libclang-rt-14-dev/libclang-rt-dev | compiler-rt | compiler-rt | hostile input, guided by what it reaches
coverage | command:gcovr    | gcovr            | gcovr                  | gcovr      | adds up what the tests have reached
package | command:dh         | debhelper        | debhelper              | debhelper  | Debian packages
package | command:dh_python3 | dh-python        | dh-python              | dh-python  | the Python module among them
package | command:lintian    | lintian          | lintian                | lintian    | finds mistakes in them
package | command:debootstrap | debootstrap     | debootstrap            | debootstrap | a fresh Debian to install them into
clean | command:debootstrap  | debootstrap      | debootstrap            | debootstrap | a fresh Debian to run the commands of README.md in
clean | command:git          | git              | git                    | git        | a fresh clone in it
package | command:rpmbuild   | rpm              | rpm-build              | rpm-tools  | RPM packages
package | command:rpmlint    | rpmlint          | rpmlint                | rpmlint    | finds mistakes in them
test  | command:abidiff      | abigail-tools    | libabigail             | libabigail | compares the ABI with that of a release
package | command:aarch64-linux-gnu-g++ | g++-aarch64-linux-gnu | gcc-c++-aarch64-linux-gnu | aarch64-linux-gnu-gcc | compiles for aarch64
package | command:qemu-aarch64-static | qemu-user-static | qemu-user-static-aarch64 | qemu-user-static | runs that
'

read -ra compiler <<< "${CXX:-c++}" # which may be "ccache g++"

is_there() {
    local name=${1#*:} path=$PATH:/usr/sbin:/sbin
    case $1 in
        command:*) PATH=$path command -v "$name" > /dev/null ;;
        header:*) echo "#include <$name>" | "${compiler[@]}" -E -x c++ - > /dev/null 2>&1 ;;
        module:*) pkg-config --exists "$name" 2> /dev/null ;;
        python:*) python3 -c "import $name" 2> /dev/null ;;
        fuzzer:*) echo 'extern "C" int LLVMFuzzerTestOneInput(const char*, unsigned long) { return 0; }' |
            clang++ -fsanitize=fuzzer -x c++ - -o /dev/null 2> /dev/null ;;
        library:*) [[ $("${compiler[@]}" -print-file-name="$name" 2> /dev/null) == /* ]] ;;
    esac
}

if command -v apt-get > /dev/null; then manager=apt
elif command -v dnf > /dev/null; then manager=dnf
elif command -v pacman > /dev/null; then manager=pacman
else manager=; fi

# compilers - rows of the table, a compiler each: which they are is for the release to say.
compilers() {
    if [ "$manager" != apt ]; then return; fi
    apt-cache pkgnames | sed -nE 's/^(g\+\+|clang)-([0-9]+)$/\1 \2/p' | sort -k 1,1 -k 2,2n | while read -r name version; do
        case $name in
            g++) if [ "$version" -ge 12 ]; then echo "compilers | command:g++-$version | g++-$version | | | compiles the same source"; fi ;;
            *) if [ "$version" -ge 14 ]; then echo "compilers | command:clang++-$version | clang-$version | | | compiles the same source"; fi ;;
        esac
    done
}

# missing GROUP - print a line "package needed-thing why" for each thing of the group not there.
missing() {
    while IFS='|' read -r group thing apt dnf pacman why; do
        read -r group <<< "$group"
        read -r thing <<< "$thing"
        if [ "$group" != "$1" ] || is_there "$thing"; then continue; fi
        case $manager in
            apt) read -r package <<< "$apt" ;;
            dnf) read -r package <<< "$dnf" ;;
            pacman) read -r package <<< "$pacman" ;;
            *) package=- ;;
        esac
        echo "$package ${thing#*:}$why"
    done <<< "$table"
}

# first_known A/B - the first of these packages that apt knows.
first_known() {
    local name names
    IFS=/ read -ra names <<< "$1"
    for name in "${names[@]}"; do
        if apt-cache show "$name" > /dev/null 2>&1; then break; fi
    done
    echo "$name"
}

as_root() {
    if [ "$(id -u)" = 0 ]; then "$@"
    elif command -v sudo > /dev/null; then sudo "$@"
    else
        echo "deps: not root, and there is no sudo; run as root: $*" >&2
        return 1
    fi
}

install_packages() {
    case $manager in
        apt) as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends -o Dpkg::Use-Pty=0 "$@" > /dev/null ;;
        dnf) as_root dnf install -y -q "$@" ;;
        pacman) as_root pacman -S --needed --noconfirm "$@" ;;
        *) echo "deps: no apt-get, dnf or pacman here; install by hand what is named above" >&2; return 1 ;;
    esac
}

[ $# -gt 0 ] || set -- build test bench lint
case " $* " in *" compilers "*)
    # Nothing is known of a release before its lists are there.
    if [ "$manager" = apt ] && [ -z "$(compilers)" ]; then as_root apt-get update -qq; fi
    table+=$(compilers)$'\n' ;;
esac
lines=$(for group; do missing "$group"; done | sort -u)
if [ -z "$lines" ]; then exit 0; fi

echo "deps: missing:"
while read -r package thing why; do printf '  %-22s %-14s %s\n' "$thing" "($package)" "$why"; done <<< "$lines"
mapfile -t packages < <(cut -d ' ' -f 1 <<< "$lines" | sort -u)
if [ "$manager" = apt ]; then
    as_root apt-get update -qq
    for i in "${!packages[@]}"; do packages[i]=$(first_known "${packages[i]}"); done
fi
# A name that this release does not know makes the whole command fail; the others are wanted still.
install_packages "${packages[@]}" || for package in "${packages[@]}"; do install_packages "$package"; done

if [ -n "$(missing build)" ]; then
    echo "deps: cannot build without:" >&2
    missing build >&2
    exit 1
fi
for group; do missing "$group"; done | sort -u | while read -r _ thing why; do
    echo "deps: going on without $thing: $why"
done
