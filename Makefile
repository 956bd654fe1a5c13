# libarsync: one Makefile for everything. `make help` lists the targets; V=1 shows the commands.

SHELL := /bin/bash
.DELETE_ON_ERROR:
.SECONDEXPANSION:

# ---- What may be set from outside ---------------------------------------------------------------

prefix       ?= /usr/local
bindir       ?= $(prefix)/bin
libdir       ?= $(prefix)/lib
includedir   ?= $(prefix)/include
mandir       ?= $(prefix)/share/man
docdir       ?= $(prefix)/share/doc/arsync
OBJCOPY      ?= objcopy
pkgconfigdir ?= $(libdir)/pkgconfig
cmakedir     ?= $(libdir)/cmake/arsync
bashdir      ?= $(prefix)/share/bash-completion/completions
zshdir       ?= $(prefix)/share/zsh/site-functions
fishdir      ?= $(prefix)/share/fish/vendor_completions.d
spreaddir    ?= $(prefix)/share/arsync-spread

# Without -g: the command would be twenty times as large, and a kernel that reads far ahead reads it.
CXXFLAGS ?= -O2
WARNINGS ?= -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Werror

# Everything that is built stands under $(B), so each sanitizer has objects of its own.
B        ?= build
SANITIZE ?=
# Which suites `run-tests` runs; quick ones come first.
RUN      ?= unit client abi readme packages examples bindings bench sim fuzz crash cli spread system
# A sanitizer has nothing to say about packaging. The programs of abi are linked without one, as a user's
# are; what crash and spread have the library do, cli and system have it do too.
SAN_RUN  ?= unit client sim cli system

# ---- What follows from it -----------------------------------------------------------------------

ifeq ($(origin CC),default)
CC := $(if $(findstring clang,$(CXX)),clang,gcc)
endif

version := $(shell awk '/define ARSYNC_VERSION_M|define ARSYNC_VERSION_P/ { v = v s $$3; s = "." } END { print v }' include/arsync.h)
soname  := libarsync.so.$(firstword $(subst ., ,$(version)))
shared  := libarsync.so.$(version)

Q        := $(if $(V),,@)
say       = $(if $(V),,@printf '  %-7s %s\n' $1 $2)
parallel  = $(if $(filter -j% --jobserver%,$(MAKEFLAGS)),,-j$(shell nproc))
again     = +$(Q)$(MAKE) --no-print-directory $(parallel)

# -g1: lines and names are what a report shows, and with -g compiling takes some third longer. Of a coroutine
# clang++ 14 cannot compile what -fsanitize=function wants.
sanitize := $(if $(SANITIZE),-fsanitize=$(SANITIZE) -fno-sanitize-recover=all -fno-omit-frame-pointer -g1 \
    $(if $(findstring clang,$(CXX)),-fno-sanitize=function))
# The C++ runtime inside costs size, and saves 0.6 ms at each start and any trouble with the
# runtime of whoever loads the library. The sanitizers want to intercept the shared one.
runtime  := $(if $(SANITIZE),,-static-libstdc++ -static-libgcc)
# Names are for profiles and debuggers, which find them beside the program. Inside they are a fifth of the file, and a
# start from the disk reads them where the kernel reads far ahead. With -g all is left to whoever asked for it.
names_apart = $(if $(SANITIZE)$(filter -g% -pg,$(CXXFLAGS) $(CPPFLAGS) $(LDFLAGS)),,$(Q)mkdir -p $(@D)/.debug && \
    $(OBJCOPY) --only-keep-debug $@ $(@D)/.debug/$(@F) && $(OBJCOPY) --strip-all --add-gnu-debuglink=$(@D)/.debug/$(@F) $@)
# liburing.a for arsync-cp where there is one: again a quicker start.
uring_a   = $(if $(findstring /,$(shell $(CXX) -print-file-name=liburing.a)),-l:liburing.a,-luring)

# For libarsync.a: a symbol that is unique cannot be made local; and -flto is to end with native code.
gcc_only  = $(if $(findstring clang,$(CXX)),,$1)
no_unique = $(call gcc_only,-fno-gnu-unique)
native    = $(call gcc_only,-flinker-output=nolto-rel)

# g++ 12 takes the assignment of a literal to a std::string for an overlapping copy.
false_alarms := $(call gcc_only,-Wno-restrict)
# Of what is precompiled it warns in the C++ library's own code.
false_alarms_precompiled := $(call gcc_only,-Wno-array-bounds -Wno-stringop-overflow -Wno-stringop-overread)
# With a sanitizer it finds something that is not set in <regex>, too.
false_alarms_of_regex := $(call gcc_only,-Wno-maybe-uninitialized)

# doctest's names have a number each, by __COUNTER__, which newer ones of clang++ call an extension.
doctest_counts := $(if $(findstring clang,$(CXX)),-Wno-unknown-warning-option -Wno-c2y-extensions)

# Which mutex protects what, see lib/io/mutex.h.
thread_safety := $(if $(findstring clang,$(CXX)),-Wthread-safety)

compile := $(CXX) -std=c++20 $(CPPFLAGS) $(CXXFLAGS) -fPIC -fvisibility=hidden -pthread $(WARNINGS) $(false_alarms) $(thread_safety) $(sanitize)
link    := $(CXX) $(CXXFLAGS) -pthread $(sanitize) $(LDFLAGS)
# Tools and system tests see what a user sees: the public header, and what is to be measured against.
measuring = -DARSYNC_MEASURING
includes = -Iinclude $(measuring) $(if $(filter lib/%,$<),$(no_unique)) \
    $(if $(filter lib/% test/unit/% test/sim/% test/fuzz/%,$<),-Ilib) $(if $(filter test/%,$<),-Itest $(doctest_counts)) \
    $(if $(SANITIZE),$(if $(filter test/crash/%,$<),$(false_alarms_of_regex)))

# The compilers find the .gch by themselves. PRECOMPILED=: none, and each file is seen to include what it needs; or
# set on the command line: for the library, too.
PRECOMPILED ?= test/precompiled.h
precompiled  = $(if $(PRECOMPILED),$(if $(or $(SANITIZE),$(filter command,$(origin PRECOMPILED)),$(filter test/%,$1)),$(B)/$(if $(call hasty,$1),hasty/)$(PRECOMPILED)))
# Cases run for less time than they would take to optimise. A .gch is for one of both only.
hasty = $(if $(SANITIZE),,$(if $(filter test/%_test test/%_test.cpp,$1),-O0))

# TOGETHER=yes: each folder of the library is compiled as one, which takes less than half as long where all of
# it is compiled in any case. It is not how the library is shipped, whose files see each what they include.
alone_only = $(if $(TOGETHER),$(filter-out lib/%,$1),$1)
folders    = $(if $(TOGETHER),$(sort $(patsubst %/,%,$(dir $(filter lib/%,$1)))))
object   = $(patsubst %.cpp,$(B)/obj/%.o,$(call alone_only,$1)) $(patsubst %,$(B)/obj/%.folder.o,$(call folders,$1))
sources  = $(sort $(wildcard $1/*.cpp $1/*/*.cpp $1/*/*/*.cpp))
faultfs  = $(if $(shell pkg-config --exists fuse3 2> /dev/null && echo yes),$(addprefix $(B)/test/,faultfs distant_disk spinning_disk))
suites   = $(foreach s,unit sim fuzz system,$(if $(wildcard test/$s/*.cpp),$(B)/test/$s)) $(if $(faultfs),$(B)/test/crash)

configs  = $(B)/arsync.pc $(addprefix $(B)/cmake/arsync,Config.cmake ConfigVersion.cmake)
shell_of.arsync-cp      = bash
shell_of._arsync-cp     = zsh
shell_of.arsync-cp.fish = fish
completions = $(addprefix $(B)/completions/,arsync-cp _arsync-cp arsync-cp.fish)

# ---- Build --------------------------------------------------------------------------------------

.PHONY: build
build: $(B)/libarsync.so $(B)/libarsync.a $(B)/arsync-cp $(configs) $(B)/man/man3/arsync.3 $(B)/man/man1/arsync-cp.1 $(completions) ## library, arsync-cp, what finds and completes them, and manual (the default)

# A change of compiler or flags rebuilds what they touch.
$(B)/flags: FORCE
	@mkdir -p $(@D)
	@cmp -s $@ <<< '$(compile) $(no_unique) | $(link) | $(TOGETHER)' || cat > $@ <<< '$(compile) $(no_unique) | $(link) | $(TOGETHER)'

$(B)/obj/%.o: %.cpp $(B)/flags $$(addsuffix .gch,$$(call precompiled,$$*))
	$(call say,CXX,$<)
	$(Q)mkdir -p $(@D)
	$(Q)$(compile) $(call hasty,$<) $(if $(call precompiled,$<),-include $(call precompiled,$<) $(false_alarms_precompiled)) $(includes) -MMD -MP -c -o $@ $<

# A name of one file may hide another's there, and what is nowhere else is still told of as in a header.
$(B)/obj/%.folder.o: $$(sort $$(wildcard $$*/*.cpp)) $(B)/flags
	$(call say,CXX,$*)
	$(Q)mkdir -p $(@D)
	$(Q)printf '#include "%s"\n' $(sort $(wildcard $*/*.cpp)) | $(compile) -Wno-shadow $(call gcc_only,-Wno-subobject-linkage) $(includes) \
	    -I. -MMD -MP -MF $(@:.o=.d) -MT $@ -x c++ -c -o $@ -

# Beside it a copy to include, for a compiler that cannot take it.
$(B)/$(PRECOMPILED).gch $(B)/hasty/$(PRECOMPILED).gch: $(PRECOMPILED) $(B)/flags
	$(call say,CXX,$<)
	$(Q)mkdir -p $(@D)
	$(Q)cp $< $(@:.gch=)
	$(Q)$(compile) $(if $(findstring /hasty/,$@),-O0) $(includes) -x c++-header -o $@ $<

$(B)/$(shared): $(call object,$(call sources,lib)) lib/arsync.map
	$(call say,LINK,$@)
	$(Q)$(link) -shared -Wl,-soname,$(soname) -Wl,--version-script=lib/arsync.map \
	    $(if $(SANITIZE),,-Wl,-z,defs) $(runtime) -o $@ $(filter %.o,$^) -luring

$(B)/$(soname): $(B)/$(shared)
	$(Q)ln -sf $(<F) $@

$(B)/libarsync.so: $(B)/$(soname)
	$(Q)ln -sf $(<F) $@

# One object, in which nothing is global but the functions of arsync.h: a program may call what it has
# as it likes. Also what both have of the C++ library stays apart.
# What counts coverage is a program's, for all that is in it.
$(B)/libarsync.o: $(call object,$(call sources,lib))
	$(call say,LD,$@)
	$(Q)$(CXX) $(filter-out --coverage,$(CXXFLAGS)) -nostdlib -r $(no_unique) $(native) -Wl,--force-group-allocation -o $@ $^
	$(Q)$(OBJCOPY) --wildcard --keep-global-symbol='arsync_*' $@

$(B)/libarsync.a: $(B)/libarsync.o
	$(call say,AR,$@)
	$(Q)rm -f $@
	$(Q)$(AR) rcs $@ $^

$(B)/arsync-cp: $(call object,$(call sources,tools/arsync-cp)) $(B)/libarsync.a
	$(call say,LINK,$@)
	$(Q)$(link) $(runtime) -o $@ $^ $(uring_a)
	$(names_apart)

# The same program without a library that it would have to find where it runs: for rescue systems and
# for containers that have nothing else in them.
.PHONY: static
static: $(B)/static/arsync-cp ## arsync-cp as one file that needs no library

$(B)/static/arsync-cp: $(call object,$(call sources,tools/arsync-cp)) $(B)/libarsync.a
	$(call say,LINK,$@)
	$(Q)mkdir -p $(@D)
	$(Q)$(link) -static-pie -o $@ $^ -luring
	$(names_apart)

# How pkg-config and CMake find the library. Always written anew: the directories in them are those of
# this command. A series is what stays compatible: 0.1, and later 1.
series = $(if $(filter 0.%,$(version)),$(basename $(version)),$(firstword $(subst ., ,$(version))))
private = uring stdc++ m pthread
$(B)/arsync.pc: pkgconfig/arsync.pc.in FORCE
	@mkdir -p $(@D)
	@sed -e 's|@version@|$(version)|' -e 's|@prefix@|$(prefix)|' -e 's|@private@|$(addprefix -l,$(private))|' \
	    -e 's|@libdir@|$(patsubst $(prefix)/%,$${prefix}/%,$(libdir))|' \
	    -e 's|@includedir@|$(patsubst $(prefix)/%,$${prefix}/%,$(includedir))|' $< > $@

$(B)/cmake/%.cmake: packaging/cmake/%.cmake.in FORCE
	@mkdir -p $(@D)
	@sed -e 's|@version@|$(version)|' -e 's|@series@|$(subst .,\\\\.,$(series))|' -e 's|@shared@|$(shared)|' \
	    -e 's|@soname@|$(soname)|' -e 's|@private@|$(subst $() ,;,$(private))|' \
	    -e 's|@includedir@|$(shell realpath -sm --relative-to='$(libdir)' '$(includedir)')|' $< > $@

# A page for each function, from what the header says of it. arsync.3 is the last that is written.
man_pages := $(addprefix tools/man-pages/,read.awk text.awk write.awk)
$(B)/man/man3/arsync.3: include/arsync.h man/arsync.3.in $(man_pages)
	$(call say,MAN,$(@D))
	$(Q)rm -rf $(@D) && mkdir -p $(@D)
	$(Q)awk -v out=$(@D) $(addprefix -f ,$(man_pages)) include/arsync.h man/arsync.3.in

$(B)/man/man1/arsync-cp.1: tools/man-pages/options.awk tools/arsync-cp/option_table.cpp man/arsync-cp.1.in
	$(call say,MAN,$@)
	$(Q)mkdir -p $(@D)
	$(Q)awk -f $^ > $@ || { rm $@; false; }

# Completions of the command line, from the same table. Each shell wants a name of its own for the file.
$(B)/completions/%: tools/completions/rows.awk tools/completions/$$(shell_of.$$*).awk tools/arsync-cp/option_table.cpp
	$(call say,AWK,$@)
	$(Q)mkdir -p $(@D)
	$(Q)awk -f $(word 1,$^) -f $(word 2,$^) $(word 3,$^) > $@

# ---- Install ------------------------------------------------------------------------------------

spread = tools/arsync-spread/spread
documents = README.md CHANGELOG.md LICENSE

# To the shell, a space ends a path.
places = DESTDIR prefix bindir libdir includedir mandir docdir pkgconfigdir cmakedir bashdir zshdir fishdir spreaddir
refuse_spaces = $(foreach place,$(places),$(if $(word 2,$($(place))),$(error $(place) has a space in it: $($(place)))))

.PHONY: install uninstall
install: build ## install under prefix (DESTDIR, libdir, ... are honoured)
	$(refuse_spaces)
	$(Q)install -d $(addprefix $(DESTDIR),$(bindir) $(libdir) $(includedir) $(pkgconfigdir) $(cmakedir) $(mandir)/man1 $(mandir)/man3 $(docdir) \
	    $(bashdir) $(zshdir) $(fishdir))
	$(Q)install -m 755 $(B)/arsync-cp $(DESTDIR)$(bindir)/
	$(Q)install -m 755 tools/arsync-spread/arsync-spread $(DESTDIR)$(bindir)/
	$(Q)install -D -m 644 -t $(DESTDIR)$(spreaddir)/spread $(wildcard $(spread)/*.py)
	$(Q)install -m 755 $(spread)/unit.sh $(DESTDIR)$(spreaddir)/spread/
	$(Q)install -m 644 man/arsync-spread.1 $(DESTDIR)$(mandir)/man1/
	$(Q)install -m 644 tools/arsync-spread/completions/arsync-spread $(DESTDIR)$(bashdir)/
	$(Q)install -m 644 tools/arsync-spread/completions/_arsync-spread $(DESTDIR)$(zshdir)/
	$(Q)install -m 644 tools/arsync-spread/completions/arsync-spread.fish $(DESTDIR)$(fishdir)/
	$(Q)install -m 755 $(B)/$(shared) $(DESTDIR)$(libdir)/
	$(Q)ln -sf $(shared) $(DESTDIR)$(libdir)/$(soname)
	$(Q)ln -sf $(soname) $(DESTDIR)$(libdir)/libarsync.so
	$(Q)install -m 644 $(B)/libarsync.a $(DESTDIR)$(libdir)/
	$(Q)install -m 644 include/arsync.h $(DESTDIR)$(includedir)/
	$(Q)install -m 644 $(B)/arsync.pc $(DESTDIR)$(pkgconfigdir)/
	$(Q)install -m 644 $(B)/cmake/*.cmake $(DESTDIR)$(cmakedir)/
	$(Q)install -m 644 $(B)/man/man1/arsync-cp.1 $(DESTDIR)$(mandir)/man1/
	$(Q)install -m 644 $(B)/man/man3/*.3 $(DESTDIR)$(mandir)/man3/
	$(Q)install -m 644 $(B)/completions/arsync-cp $(DESTDIR)$(bashdir)/
	$(Q)install -m 644 $(B)/completions/_arsync-cp $(DESTDIR)$(zshdir)/
	$(Q)install -m 644 $(B)/completions/arsync-cp.fish $(DESTDIR)$(fishdir)/
	$(Q)install -m 644 $(documents) $(DESTDIR)$(docdir)/
	$(Q)if [ -z "$(DESTDIR)" ] && [ -w /etc/ld.so.cache ]; then ldconfig; fi

uninstall: $(B)/man/man3/arsync.3 ## remove what install put there
	$(refuse_spaces)
	$(Q)rm -rf $(DESTDIR)$(spreaddir)/spread
	$(Q)rmdir --ignore-fail-on-non-empty $(DESTDIR)$(spreaddir) 2> /dev/null || true
	$(Q)rm -f $(addprefix $(DESTDIR),$(bindir)/arsync-spread $(mandir)/man1/arsync-spread.1 $(bashdir)/arsync-spread \
	    $(zshdir)/_arsync-spread $(fishdir)/arsync-spread.fish)
	$(Q)rm -f $(addprefix $(DESTDIR),$(bindir)/arsync-cp $(addprefix $(libdir)/,$(shared) $(soname) libarsync.so libarsync.a) \
	    $(includedir)/arsync.h $(pkgconfigdir)/arsync.pc $(addprefix $(cmakedir)/arsync,Config.cmake ConfigVersion.cmake) \
	    $(bashdir)/arsync-cp $(zshdir)/_arsync-cp $(fishdir)/arsync-cp.fish $(addprefix $(docdir)/,$(documents)) \
	    $(mandir)/man1/arsync-cp.1 $(addprefix $(mandir)/man3/,$(notdir $(shell ls $(B)/man/man3/*.3))))

# ---- Set up, show, measure ----------------------------------------------------------------------

.PHONY: deps demo bench run-bench bench-full run-bench-full bench-deps
deps: ## install the packages that are missing
	$(Q)tools/deps.sh

demo: ## set up, build, copy real files, verify them and compare with cp
	$(Q)tools/deps.sh build
	$(again) build
	$(Q)tools/demo.sh $(B)/arsync-cp

bench: ## measure against cp (minutes; wants root for fresh file systems)
	$(Q)tools/deps.sh build bench
	$(again) run-bench

bench_programs = $(patsubst tools/arsync-bench/%,$(B)/bench/%,$(basename $(wildcard tools/arsync-bench/*.c tools/arsync-bench/*.cpp)))
bench_programs += $(B)/bench/kernel_news
run-bench: stage $(bench_programs) $(faultfs)
	$(Q)tools/arsync-bench/run $(B)

bench-full: ## measure all, an hour; goes on where it was; writes docs/BENCHMARKS.md (CELLS='tree.*,...': only these)
	$(Q)tools/deps.sh build bench
	$(again) run-bench-full

run-bench-full: build $(bench_programs) $(faultfs)
	$(Q)tools/arsync-bench/full $(B) --cells '$(or $(CELLS),*)'

bench-deps: ## install what arsync-cp is measured against, as far as a registry has it
	$(Q)tools/arsync-bench/deps

$(B)/bench/kernel_news: $(wildcard tools/arsync-bench/kernel_news/*) include/arsync.h $(B)/flags $(B)/libarsync.so
	$(call say,CXX,$@)
	$(Q)mkdir -p $(@D)
	$(Q)$(compile) $(includes) -o $@ $(filter %.cpp,$^) $(LDFLAGS) $(B)/libarsync.so -luring -Wl,-rpath,'$$ORIGIN/..'

$(B)/bench/%: tools/arsync-bench/%.cpp $(B)/flags
	$(call say,CXX,$@)
	$(Q)mkdir -p $(@D)
	$(Q)$(compile) -o $@ $< $(LDFLAGS)

$(B)/bench/%: tools/arsync-bench/%.c include/arsync.h $(B)/flags $(B)/libarsync.so
	$(call say,CC,$@)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) -std=c11 -O2 $(WARNINGS) -Iinclude $(measuring) -o $@ $< $(B)/libarsync.so -Wl,-rpath,'$$ORIGIN/..'

# ---- Test ---------------------------------------------------------------------------------------

.PHONY: check prove soak tests stage run-tests asan tsan coverage sim
check: ## set up, build, run all tests
	$(Q)tools/deps.sh build test
	$(again) run-tests

# Not of `make check`: what takes hours. test/prove.sh says when what has passed is run again.
prove: ## the tests of the worst day at length (hours; wants root; STEPS="pools storm": these alone)
	$(Q)tools/deps.sh build test fuzz
	$(Q)B='$(B)' test/prove.sh $(STEPS)

HOURS ?= 1
soak: ## trees, options, faults and limits at random, round after round: nothing grows (HOURS=n)
	$(again) $(B)/test/system $(faultfs)
	$(Q)ARSYNC_SOAK_S=$$(awk 'BEGIN { print int($(HOURS) * 3600) }') $(B)/test/system -tc='*round after round*'

check-spread: ## arsync-spread on hosts that share 100,000 files, and how it scales (a quarter of an hour; wants root)
	$(Q)tools/deps.sh build test
	$(again) B=$(B) run-spread-at-length

.PHONY: run-spread-at-length
run-spread-at-length: build $(faultfs)
	$(Q)ARSYNC_BUILD=$(abspath $(B)) ARSYNC_CP=$(abspath $(B))/arsync-cp TEST_TIME_LIMIT=3600 test/run test/spread/long.sh test/spread/scaling.sh

# Much slower than what the tests' time limit is meant for.
asan tsan coverage: export TEST_TIME_LIMIT ?= 7200
# The sanitizer unregisters its signal stack when a thread is gone, whose own stack it then takes for out of scope.
asan: export ASAN_OPTIONS ?= use_sigaltstack=0
asan: ## the tests with AddressSanitizer and UndefinedBehaviorSanitizer (RUN="unit sim": only these)
	$(again) B=build/asan SANITIZE=address,undefined $(if $(filter command line,$(origin RUN)),,RUN="$(SAN_RUN)") run-tests

tsan: ## the tests with ThreadSanitizer
	$(again) B=build/tsan SANITIZE=thread $(if $(filter command line,$(origin RUN)),,RUN="$(SAN_RUN)") run-tests

# memcheck sees what the sanitizers do not: that memory is used before it was set, and what the program reads
# and hands to the kernel as it is built for users. It cannot see io_uring, whose writes valgrind (3.19) does not
# know of: the library takes threads under it, and cases that want a ring say "SKIP". Left out is what makes
# memory run out (memory_test.cpp), by an operator new of its own, for which memcheck has another.
.PHONY: valgrind
VALGRIND ?= *lease_test.cpp,*list_cases_test.cpp
valgrind: ## unit tests and some of the simulation under valgrind: leaks, memory that is not set (VALGRIND=files of sim)
	$(Q)tools/deps.sh build test
	$(again) $(B)/test/unit $(B)/test/sim
	$(Q)$(memcheck) $(B)/test/unit -sfe='*/memory_test.cpp'
	$(Q)$(if $(VALGRIND),$(memcheck) $(B)/test/sim -sf='$(VALGRIND)')
memcheck = test/memcheck.sh

# Not of `make check`: it builds all of it once more, and runs it more slowly.
coverage: ## how much of lib/ the tests reach; fails below 95 % of lines, 85 % of branches (RUN="unit sim": only by these)
	$(Q)tools/deps.sh coverage
	$(Q)tools/coverage.sh --begin build/coverage
	$(again) B=build/coverage PRECOMPILED= CXXFLAGS='-O1 -fprofile-abs-path -fprofile-update=atomic --coverage' LDFLAGS='$(LDFLAGS) -Wl,-u,__gcov_dump' \
	    $(if $(filter command line,$(origin RUN)),,RUN="unit client sim cli system") run-tests
	$(Q)tools/coverage.sh build/coverage

# SEEDS=n: the trials of so many numbers; SEED=n: that one alone, step by step (CONTRIBUTING.md).
SEEDS ?= 100000
sim: ## many simulated copies, trees and lists, and what may happen to them (SEEDS=n, SEED=n)
	$(again) $(B)/test/sim
	$(Q)$(B)/test/sim $(if $(SEED),--seed=$(SEED),--seeds=$(SEEDS))

# libFuzzer, which clang++ has, and ASan and UBSan: what it finds is in build/fuzz/found, and what it learns
# in build/fuzz/corpus. `make check` runs what of that is kept in test/fuzz/corpus.
.PHONY: fuzz mutants
fuzzers := abi filter holes json list options quote
SECONDS ?= 600
fuzz: ## hostile input, each kind of it for 10 minutes, one a processor at a time (SECONDS=n, FUZZERS=...)
	$(Q)tools/deps.sh build fuzz
	$(again) B=build/fuzz CXX="$(fuzz_cxx)" CXXFLAGS=-O1 SANITIZE=address,undefined,fuzzer-no-link $(addprefix build/fuzz/,$(tried))
	$(Q)test/fuzz/run $(SECONDS) $(tried)
tried = $(or $(FUZZERS),$(fuzzers))
fuzz_cxx ?= clang++
needs.abi  = test/fuzz/place.cpp
needs.list = $(simulated)
with.list  = -DDOCTEST_CONFIG_IMPLEMENT -include doctest/doctest.h # the simulation's sources have checks
$(addprefix build/fuzz/,$(fuzzers)): build/fuzz/%: test/fuzz/entry.cpp $$(call object,test/fuzz/$$*.cpp $$(needs.$$*) $$(call sources,lib))
	$(call say,LINK,$@)
	$(Q)$(compile) -Itest -DFUZZ_TARGET=$* $(with.$*) -fsanitize=fuzzer -o $@ $^ -luring

mutants: ## mistakes put into lib/, and which test finds each (MINUTES=n; hours for all)
	$(Q)test/mutants/run.py --minutes=$(or $(MINUTES),60)

tests: build $(suites) $(B)/test/client $(faultfs)

# Those that look into the library take its objects as they are.
internal = $(if $(filter unit sim fuzz,$1),$(call object,$(call sources,lib)),$(B)/libarsync.a)
# What test/crash has of test/system: how to copy, make and look.
borrowed = $(if $(filter crash,$1),$(patsubst %,test/system/%.cpp,main pool content tree list command child scratch clean)) \
    $(if $(filter fuzz,$1),$(simulated))
# The simulated world without its tests.
simulated = $(filter-out %_test.cpp %/main.cpp,$(call sources,test/sim))
$(suites): $$(call object,$$(filter-out %/entry.cpp,$$(call sources,test/$$(@F))) $$(call borrowed,$$(@F))) $$(call internal,$$(@F))
	$(call say,LINK,$@)
	$(Q)mkdir -p $(@D)
	$(Q)$(link) -o $@ $^ -luring $(if $(filter crash,$(@F)),$(shell pkg-config --libs fuse3))

$(B)/test/client: $(wildcard test/abi/client/*) include/arsync.h $(B)/flags $(B)/libarsync.so
	$(call say,CC,$@)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) -std=c11 -Wall -Wextra -Wpedantic -Werror -g -pthread $(sanitize) -Iinclude -o $@ $(filter %.c,$^) \
	    $(B)/libarsync.so -Wl,-rpath,'$$ORIGIN/..'

# Without libfuse3 they are not built, and the tests that mount them are skipped.
$(B)/test/distant_disk $(B)/test/spinning_disk: test/fuse/disk.h
$(B)/test/faultfs $(B)/test/distant_disk $(B)/test/spinning_disk: $(B)/test/%: test/fuse/%.cpp $(B)/flags
	$(call say,CXX,$@)
	$(Q)mkdir -p $(@D)
	$(Q)$(CXX) -std=c++20 $(CXXFLAGS) -pthread $(WARNINGS) -o $@ $< \
	    $(LDFLAGS) $(shell pkg-config --libs fuse3)

# An installed tree for the tests that use the library as a stranger would.
stage: build
	$(Q)rm -rf $(B)/stage
	$(Q)$(MAKE) --no-print-directory install DESTDIR='$(CURDIR)/$(B)/stage' prefix=/usr

run.unit   = $(filter %/unit,$(suites))
run.client = $(B)/test/client
run.abi    = $(filter-out %/lib.sh,$(wildcard test/abi/*.sh))
run.readme = test/readme.sh test/reliability.sh test/mutants.sh
run.packages = $(filter-out %/lib.sh,$(wildcard test/packages/*.sh))
run.examples = $(filter-out %/lib.sh,$(wildcard test/examples/*.sh))
run.bindings = $(filter-out %/lib.sh,$(wildcard test/bindings/*.sh))
run.bench  = $(wildcard test/bench/*.py test/bench/*.sh)
run.sim    = $(filter %/sim,$(suites))
run.fuzz   = $(filter %/fuzz,$(suites))
run.crash  = $(if $(faultfs),$(B)/test/crash,test/crash/without_libfuse3.sh)
run.cli    = $(filter-out %/lib.sh,$(wildcard test/cli/*.sh))
run.spread = $(addprefix test/spread/,local.sh hosts.sh engines.sh)
run.system = test/system/others.sh
run.worst_day = test/system/worst_day.sh

# What computes, and minds nobody, runs beside the others; what counts calls or measures runs when all is quiet.
beside = sim bindings spread worst_day
alone  = bench system
runs   = $(foreach r,$1,$(run.$r))
programs = $(filter $(foreach r,$(1:worst_day=system),%/$r),$(suites)) $(if $(filter client,$1),$(run.client))

# Not every distribution has what a static program is linked from.
has_library = $(findstring /,$(shell $(CXX) -print-file-name=$1))
run-tests: $(if $(filter packages,$(RUN)),$(if $(and $(call has_library,libc.a),$(call has_library,liburing.a)),static))

# ThreadSanitizer's shadow does not fit every random layout of memory.
run-tests: build $(call programs,$(RUN)) $(if $(filter cli system worst_day,$(RUN)),$(faultfs)) $(if $(filter bench,$(RUN)),$(bench_programs)) $(if $(filter abi readme packages examples bindings,$(RUN)),stage)
	$(Q)ARSYNC_BUILD=$(abspath $(B)) ARSYNC_CP=$(abspath $(B))/arsync-cp ARSYNC_SANITIZE=$(or $(SANITIZE),$(findstring coverage,$(CXXFLAGS))) CC='$(CC)' CXX='$(CXX)' \
	    $(if $(filter thread,$(SANITIZE)),$(shell setarch -R true 2> /dev/null && echo setarch -R)) \
	    test/run $(call runs,$(filter-out $(beside) $(alone),$(RUN))) --beside $(call runs,$(filter $(beside),$(RUN) $(if $(filter system,$(RUN)),worst_day))) \
	    --last $(call runs,$(filter $(alone),$(RUN)))

# ---- Look after the source ----------------------------------------------------------------------

.PHONY: lint fmt print-flags dist clean help FORCE
lint: ## formatting, shell scripts, man pages, what clang++ and clang-tidy say
	$(Q)tools/lint.sh

fmt: ## format the C and C++ source
	$(Q)find include lib tools test docs -name '*.[ch]' -o -name '*.cpp' | xargs clang-format -i

# For clangd and other tools.
compile_commands.json: FORCE ## how each source is compiled, for clangd
	$(Q)for source in $(call sources,lib) $(call sources,tools) $(call sources,test); do \
	    printf '%s\n  {"directory": "%s", "file": "%s", "command": "%s -Ilib -Itest -c %s"}' \
	        "$${comma-[}" '$(CURDIR)' $$source '$(compile) -Iinclude $(measuring)' $$source; comma=,; \
	done > $@
	$(Q)printf '\n]\n' >> $@

# For tools/lint.sh: how the source is compiled.
print-flags:
	@echo '$(compile) -Iinclude $(measuring) $(doctest_counts)'

dist: ## a tarball of the last commit: of the same commit always the same bytes
	$(Q)tools/dist.sh arsync-$(version) $(B)

clean: ## remove everything that was built
	$(Q)rm -rf build

help: ## this list
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / { printf "%-10s %s\n", $$1, $$2 }' $(filter %Makefile %.mk,$(MAKEFILE_LIST))

# The sdist of the Python module does without.
-include packaging/packages.mk
-include $(shell [ -d $(B)/obj ] && find $(B)/obj -name '*.d')
