#!/usr/bin/env bash
# Whatever repeats the version of the header repeats it rightly, and so do the lists of what is exported.
. "$(dirname "$0")/../abi/lib.sh"
cd "$top" || exit

version=$(pkg_config --modversion arsync)
says() { grep -qE -- "$2" "$1" || { grep -n "${version%.*}" "$1"; false; }; }
escaped=${version//./\\.}

check 'the changes' says CHANGELOG.md "^## $escaped"
check 'Debian: the changelog' says debian/changelog "^arsync \($escaped-[0-9]+\)"
check 'RPM' says packaging/arsync.spec "^Version: +$escaped\$"
check 'RPM: the changelog' says packaging/arsync.spec "> - $escaped-[0-9]+\$"
check 'Meson: the wrap' says packaging/arsync.wrap "^source_filename = arsync-$escaped\.tar\.gz\$"
check 'Rust: arsync-sys' says bindings/rust/arsync-sys/Cargo.toml "^version = \"$escaped\""
check 'Rust: arsync' says bindings/rust/arsync/Cargo.toml "^version = \"$escaped\""
check 'Rust: arsync wants that arsync-sys' says bindings/rust/arsync/Cargo.toml "^arsync-sys = .*\"$escaped\""

soname=$(objdump -p "$stage/usr/lib/libarsync.so" | awk '/SONAME/ { print $2 }')
package=libarsync${soname##*.}
check 'Debian: the package of the soname' says debian/control "^Package: $package\$"
check 'RPM: the same' says packaging/arsync.spec "^%global soversion ${soname##*.}\$"
# A node that is missing there would leave programs without a dependency on the release that has it.
all_nodes() {
    same <(sed -n 's/^\(ARSYNC_[0-9.]*\) {.*/\1/p' lib/arsync.map | sort) \
        <(sed -n 's/^ (symver)\([^ ]*\) .*/\1/p' "debian/$package.symbols" | sort)
}
check 'Debian: the nodes of the symbols' all_nodes
finish
