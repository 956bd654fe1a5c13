"""libarsync for Conan 2. The version is that of the header; the source is the tree that this is in."""

import os
import re

from conan import ConanFile
from conan.errors import ConanInvalidConfiguration
from conan.tools.files import copy, load, rm, rmdir
from conan.tools.gnu import AutotoolsToolchain
from conan.tools.layout import basic_layout
from conan.tools.system.package_manager import Apt, Dnf, PacMan


class Arsync(ConanFile):
    name = "arsync"
    description = "Copies of files and trees on Linux, fast and safely, on io_uring"
    license = "MIT"
    topics = ("io_uring", "copy", "cp", "files")
    package_type = "library"
    settings = "os", "arch", "compiler", "build_type"
    options = {"shared": [True, False]}
    default_options = {"shared": False}

    @property
    def _top(self):
        return os.path.join(self.recipe_folder, "..", "..")

    def set_version(self):
        header = load(self, os.path.join(self._top, "include", "arsync.h"))
        parts = (re.search(rf"#define ARSYNC_VERSION_{part} (\d+)", header)[1] for part in ("MAJOR", "MINOR", "PATCH"))
        self.version = ".".join(parts)

    def export_sources(self):
        for what in ("Makefile", "LICENSE", "README.md", "CHANGELOG.md"):
            copy(self, what, self._top, self.export_sources_folder)
        for folder in ("include", "lib", "man", "packaging/cmake", "pkgconfig", "tools"):
            copy(self, folder + "/*", self._top, self.export_sources_folder)

    # The interface is C, and what is inside is C++20, whatever the program that takes it is.
    def configure(self):
        self.settings.rm_safe("compiler.cppstd")
        self.settings.rm_safe("compiler.libcxx")

    def validate(self):
        if self.settings.os != "Linux" or "64" not in str(self.settings.arch) and self.settings.arch != "armv8":
            raise ConanInvalidConfiguration("arsync runs on 64-bit Linux only")

    def layout(self):
        basic_layout(self, src_folder=".")

    # Their headers are wanted to build, and liburing by whoever links the static library.
    def system_requirements(self):
        Apt(self).check(["liburing-dev", "libxxhash-dev"])
        Dnf(self).check(["liburing-devel", "xxhash-devel"])
        PacMan(self).check(["liburing", "xxhash"])

    def generate(self):
        AutotoolsToolchain(self).generate()

    def _make(self, target):
        # The runtime is linked into the library. Of a compiler that upstream has not seen no warning is an error.
        self.run(
            f"make -C '{self.source_folder}' -j{os.cpu_count()} B='{self.build_folder}/out' WARNINGS='-Wall -Wextra'"
            f" prefix= DESTDIR='{self.package_folder}' {target}"
        )

    def build(self):
        self._make("build")

    def package(self):
        self._make("install")
        copy(self, "LICENSE", self.source_folder, os.path.join(self.package_folder, "licenses"))
        rm(self, "libarsync.a" if self.options.shared else "libarsync.so*", os.path.join(self.package_folder, "lib"))
        # Conan's generators tell of the package.
        for folder in ("lib/cmake", "lib/pkgconfig", "share"):
            rmdir(self, os.path.join(self.package_folder, folder))

    def package_info(self):
        self.cpp_info.set_property("cmake_file_name", "arsync")
        self.cpp_info.set_property("cmake_target_name", "arsync::arsync")
        self.cpp_info.set_property("pkg_config_name", "arsync")
        self.cpp_info.libs = ["arsync"]
        if not self.options.shared:
            self.cpp_info.system_libs = ["uring", "stdc++", "m", "pthread"]
