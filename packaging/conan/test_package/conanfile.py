"""The README's example, built with the package, copies the README."""

import os
import re

from conan import ConanFile
from conan.tools.build import can_run
from conan.tools.cmake import CMake, cmake_layout
from conan.tools.files import load, save


class Test(ConanFile):
    settings = "os", "arch", "compiler", "build_type"
    generators = "CMakeDeps", "CMakeToolchain"

    def requirements(self):
        self.requires(self.tested_reference_str)

    def layout(self):
        cmake_layout(self)

    @property
    def _readme(self):
        return os.path.join(self.recipe_folder, "..", "..", "..", "README.md")

    def build(self):
        example = re.search(r"```c\n(.*?)```", load(self, self._readme), re.DOTALL)[1]
        save(self, os.path.join(self.build_folder, "copy.c"), example)
        cmake = CMake(self)
        cmake.configure()
        cmake.build()

    def test(self):
        if can_run(self):
            self.run(f"'{self.build_folder}/example' '{self._readme}' copy", env="conanrun")
            assert load(self, "copy") == load(self, self._readme)
