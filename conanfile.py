"""Conan 2 recipe of a header-only package. The version is the one in include/ssl/core/config.hpp."""

import os
import re

from conan import ConanFile
from conan.tools.files import copy, load
from conan.tools.layout import basic_layout


class BagsslConan(ConanFile):
    name = "bagssl"
    description = "Self-supervised representation learning in header-only C++20"
    license = "MIT"
    topics = ("self-supervised-learning", "representation-learning", "header-only")
    package_type = "header-library"
    exports = "include/ssl/core/config.hpp"
    exports_sources = "include/*", "LICENSE"
    no_copy_source = True
    options = {"with_image": [True, False], "with_zlib": [True, False]}
    default_options = {"with_image": False, "with_zlib": False}

    def set_version(self):
        config = load(self, os.path.join(self.recipe_folder, "include/ssl/core/config.hpp"))
        self.version = ".".join(
            re.search(rf"#define SSL_VERSION_{part} (\d+)", config).group(1) for part in ("MAJOR", "MINOR", "PATCH")
        )

    def layout(self):
        basic_layout(self)

    def requirements(self):
        self.requires("eigen/[>=3.4 <4]", transitive_headers=True)
        if self.options.with_image:
            self.requires("libjpeg-turbo/[>=2.0 <4]", transitive_headers=True)
            self.requires("libpng/[>=1.6.34 <2]", transitive_headers=True)
        if self.options.with_zlib:
            self.requires("zlib/[>=1.2.11 <2]", transitive_headers=True)

    def package_id(self):
        self.info.clear()

    def package(self):
        copy(self, "*", os.path.join(self.source_folder, "include"), os.path.join(self.package_folder, "include"))
        copy(self, "LICENSE", self.source_folder, os.path.join(self.package_folder, "licenses"))

    def package_info(self):
        self.cpp_info.bindirs = []
        self.cpp_info.libdirs = []
        self.cpp_info.set_property("cmake_file_name", "bagssl")
        core = self.cpp_info.components["bagssl"]
        core.set_property("cmake_target_name", "bagssl::bagssl")
        core.bindirs, core.libdirs = [], []
        core.defines = ["EIGEN_NO_CUDA"]
        core.requires = ["eigen::eigen"]
        if self.options.with_image:
            image = self.cpp_info.components["image"]
            image.set_property("cmake_target_name", "bagssl::image")
            image.bindirs, image.libdirs, image.includedirs = [], [], []
            image.requires = ["bagssl", "libjpeg-turbo::jpeg", "libpng::libpng"]
        if self.options.with_zlib:
            zlib = self.cpp_info.components["zlib"]
            zlib.set_property("cmake_target_name", "bagssl::zlib")
            zlib.bindirs, zlib.libdirs, zlib.includedirs = [], [], []
            zlib.requires = ["bagssl", "zlib::zlib"]
