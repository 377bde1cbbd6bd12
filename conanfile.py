"""Conan 2 recipe of a header-only package. The version is the one in include/ssl/core/config.hpp, and each option is a
component of cmake/bagsslComponents.cmake."""

import os
import re

from conan import ConanFile
from conan.errors import ConanInvalidConfiguration
from conan.tools.build import check_min_cppstd
from conan.tools.files import copy, load
from conan.tools.layout import basic_layout

# What a component needs: another one, packages of Conan, their targets, libraries of the system, definitions.
COMPONENTS = {
    "openmp": {},
    "onednn": {"needs": "openmp", "system_libs": ["dnnl"]},
    "blas": {"requires": {"openblas/[>=0.3 <1]": "openblas::openblas"}, "defines": ["EIGEN_USE_BLAS"]},
    "zlib": {"requires": {"zlib/[>=1.2.11 <2]": "zlib::zlib"}},
    "image": {"requires": {"libjpeg-turbo/[>=2.0 <4]": "libjpeg-turbo::jpeg", "libpng/[>=1.6.34 <2]": "libpng::libpng"}},
    "thrust": {"thrust": "cpp"},
    "thrust_omp": {"thrust": "omp", "needs": "openmp"},
    "thrust_tbb": {"thrust": "tbb", "requires": {"onetbb/[>=2021.5 <2024]": "onetbb::libtbb"}},
    "cuda": {"system_libs": ["cusolver", "cublas", "cudart"]},
    "cudnn": {"needs": "cuda", "system_libs": ["cudnn"]},
}


class BagsslConan(ConanFile):
    name = "bagssl"
    description = "Self-supervised representation learning in header-only C++20"
    license = "MIT"
    topics = ("self-supervised-learning", "representation-learning", "header-only")
    package_type = "header-library"
    settings = "os", "arch", "compiler", "build_type"
    exports = "include/ssl/core/config.hpp"
    exports_sources = "include/*", "LICENSE"
    no_copy_source = True
    options = {component: [True, False] for component in COMPONENTS}
    default_options = {component: False for component in COMPONENTS}

    def set_version(self):
        config = load(self, os.path.join(self.recipe_folder, "include/ssl/core/config.hpp"))
        self.version = ".".join(
            re.search(rf"#define SSL_VERSION_{part} (\d+)", config).group(1) for part in ("MAJOR", "MINOR", "PATCH")
        )

    def layout(self):
        basic_layout(self)

    def _asked(self):
        """The components that were asked for, and those that they need."""
        names = {name for name in COMPONENTS if self.options.get_safe(name)}
        names |= {COMPONENTS[name]["needs"] for name in names if "needs" in COMPONENTS[name]}
        return {name: what for name, what in COMPONENTS.items() if name in names}

    def _thrust_systems(self):
        return [what["thrust"] for what in self._asked().values() if "thrust" in what]

    def requirements(self):
        self.requires("eigen/[>=3.4 <6]", transitive_headers=True)
        for what in self._asked().values():
            for package in what.get("requires", {}):
                self.requires(package, transitive_headers=True)
        for system in self._thrust_systems()[:1]:
            self.requires("thrust/[>=1.17]", transitive_headers=True, options={"device_system": system})

    def validate(self):
        check_min_cppstd(self, 20)
        if len(self._thrust_systems()) > 1:
            raise ConanInvalidConfiguration(
                f"{self.name} has one of Thrust's systems at a time, not {' and '.join(self._thrust_systems())}"
            )
        if "openmp" in self._asked() and self.settings.compiler not in ("gcc", "clang"):
            raise ConanInvalidConfiguration(
                f"{self.name} has its option openmp with gcc and clang, not with {self.settings.compiler}"
            )

    def package_id(self):
        self.info.clear()

    def package(self):
        copy(self, "*", os.path.join(self.source_folder, "include"), os.path.join(self.package_folder, "include"))
        copy(self, "LICENSE", self.source_folder, os.path.join(self.package_folder, "licenses"))

    def package_info(self):
        self.cpp_info.bindirs, self.cpp_info.libdirs = [], []
        self.cpp_info.set_property("cmake_file_name", "bagssl")
        core = self._component("bagssl", ["eigen::eigen"])
        core.includedirs = ["include"]
        core.defines = ["EIGEN_NO_CUDA"]
        if self.settings.os in ("Linux", "FreeBSD"):
            core.system_libs = ["pthread"]
        for component, what in self._asked().items():
            requires = [what.get("needs", "bagssl"), *what.get("requires", {}).values()]
            part = self._component(component, requires + (["thrust::thrust"] if "thrust" in what else []))
            part.system_libs = what.get("system_libs", [])
            part.defines = what.get("defines", [])
            if "thrust" in what:
                part.defines = [
                    "THRUST_HOST_SYSTEM=THRUST_HOST_SYSTEM_CPP",
                    f"THRUST_DEVICE_SYSTEM=THRUST_DEVICE_SYSTEM_{what['thrust'].upper()}",
                ]
            if component == "openmp":
                part.cxxflags = part.exelinkflags = part.sharedlinkflags = ["-fopenmp"]

    def _component(self, name, requires):
        component = self.cpp_info.components[name]
        component.set_property("cmake_target_name", f"bagssl::{name}")
        component.set_property("pkg_config_name", "bagssl" if name == "bagssl" else f"bagssl-{name}")
        component.includedirs, component.bindirs, component.libdirs = [], [], []
        component.requires = requires
        return component
