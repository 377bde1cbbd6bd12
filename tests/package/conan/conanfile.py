"""A package of Conan that is the system's, under the name and with the components that ConanCenter's has: so the recipe
of the library is tried without a network. `conan export . --name=... --version=...` for each."""

from conan import ConanFile
from conan.tools.gnu import PkgConfig

# name: (pkg-config's name, component, CMake's package, CMake's target)
PACKAGES = {
    "eigen": ("eigen3", "eigen3", "Eigen3", "Eigen3::Eigen"),
    "libjpeg-turbo": ("libjpeg", "jpeg", "libjpeg-turbo", "libjpeg-turbo::jpeg"),
    "libpng": ("libpng", None, "PNG", "PNG::PNG"),
    "zlib": ("zlib", None, "ZLIB", "ZLIB::ZLIB"),
    "openblas": ("blas", "openblas_component", "OpenBLAS", "OpenBLAS::OpenBLAS"),
    "onetbb": ("tbb", "libtbb", "TBB", "TBB::tbb"),
    "thrust": (None, None, "thrust", "thrust::thrust"),
}


class SystemConan(ConanFile):
    settings = "os", "arch", "compiler", "build_type"
    options = {"device_system": ["cuda", "cpp", "omp", "tbb"]}
    default_options = {"device_system": "tbb"}

    def configure(self):
        if self.name != "thrust":
            del self.options.device_system

    def package_id(self):
        self.info.clear()

    def package_info(self):
        pkg_config_name, component, file_name, target = PACKAGES[self.name]
        self.cpp_info.includedirs, self.cpp_info.libdirs, self.cpp_info.bindirs = [], [], []
        self.cpp_info.set_property("cmake_file_name", file_name)
        info = self.cpp_info.components[component] if component else self.cpp_info
        info.set_property("cmake_target_name", target)
        info.includedirs, info.libdirs, info.bindirs = [], [], []
        if pkg_config_name:
            PkgConfig(self, pkg_config_name).fill_cpp_info(info, is_system=True)
        else:
            info.defines = [f"THRUST_DEVICE_SYSTEM=THRUST_DEVICE_SYSTEM_{str(self.options.device_system).upper()}"]
