# Packages for others, made from the tarball of the last commit. None of this is part of `make check`:
# each takes minutes. docs/RELEASING.md says when.

.PHONY: deb check-deb rpm conan abi-check aarch64 musl compilers clean-root
archive = $(B)/arsync-$(version).tar.gz

deb: dist ## Debian packages in build/deb, looked at by lintian
	$(Q)packaging/deb.sh $(archive) $(B)/deb

check-deb: ## the packages of `make deb` in a fresh Debian (root; debootstrap)
	$(Q)packaging/check-deb.sh $(B)/deb

rpm: dist ## RPM packages in build/rpm, looked at by rpmlint
	$(Q)packaging/rpm.sh $(archive) $(B)/rpm

conan: dist ## the Conan package, and a program that takes it
	$(Q)packaging/conan.sh $(archive) $(B)/conan

# ABI_BASE=REVISION: what to compare with; the last tag if there is one.
abi-check: ## compare the library's ABI with that of the last release
	$(Q)packaging/abi-check.sh $(B) $(ABI_BASE)

# SUITES='unit sim': these; TESTS='*hole*': only cases with such names.
aarch64: ## unit and simulated tests for aarch64 under qemu
	$(Q)packaging/aarch64.sh

musl: ## library, arsync-cp and unit tests with musl, by the clang of the package ziglang
	$(Q)packaging/musl.sh

compilers: ## build with each g++-N and clang++-N that is installed
	$(Q)tools/compilers.sh

clean-root: ## the commands of README.md in a fresh Debian (root; debootstrap; half an hour)
	$(Q)test/clean_root.sh
