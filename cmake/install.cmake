# SPDX-License-Identifier: MIT

# The headers and what finds them: for CMake, for pkg-config and as a Common Package Specification.

include(GNUInstallDirs)
include(CMakePackageConfigHelpers)

install(DIRECTORY "${PROJECT_SOURCE_DIR}/include/ssl" DESTINATION "${CMAKE_INSTALL_INCLUDEDIR}"
        FILES_MATCHING PATTERN "*.hpp" PATTERN "*.cuh")
install(FILES "${PROJECT_SOURCE_DIR}/LICENSE" DESTINATION "${CMAKE_INSTALL_DOCDIR}")

# --- CMake: once for the install tree, and once for who says -Dbagssl_DIR=<build folder> -------------------------------
set(bagssl_package_dir "${CMAKE_INSTALL_DATADIR}/cmake/bagssl")
set(bagssl_include_dir "${CMAKE_INSTALL_INCLUDEDIR}")
configure_package_config_file("${PROJECT_SOURCE_DIR}/cmake/bagsslConfig.cmake.in"
                              "${PROJECT_BINARY_DIR}/package/bagsslConfig.cmake"
                              INSTALL_DESTINATION "${bagssl_package_dir}" PATH_VARS bagssl_include_dir)
set(bagssl_include_dir "${PROJECT_SOURCE_DIR}/include")
configure_package_config_file("${PROJECT_SOURCE_DIR}/cmake/bagsslConfig.cmake.in"
                              "${PROJECT_BINARY_DIR}/bagsslConfig.cmake"
                              INSTALL_DESTINATION "${PROJECT_BINARY_DIR}" PATH_VARS bagssl_include_dir)
configure_file("${PROJECT_SOURCE_DIR}/cmake/bagsslComponents.cmake" "${PROJECT_BINARY_DIR}" COPYONLY)
write_basic_package_version_file("${PROJECT_BINARY_DIR}/bagsslConfigVersion.cmake"
                                 COMPATIBILITY SameMinorVersion ARCH_INDEPENDENT)
install(FILES "${PROJECT_BINARY_DIR}/package/bagsslConfig.cmake" "${PROJECT_BINARY_DIR}/bagsslConfigVersion.cmake"
              "${PROJECT_SOURCE_DIR}/cmake/bagsslComponents.cmake"
        DESTINATION "${bagssl_package_dir}")

# --- pkg-config: bagssl.pc, and bagssl-<component>.pc for each component -----------------------------------------------
cmake_path(IS_ABSOLUTE CMAKE_INSTALL_INCLUDEDIR bagssl_absolute)
set(bagssl_pc_includedir "\${prefix}/${CMAKE_INSTALL_INCLUDEDIR}")
if(bagssl_absolute)
  set(bagssl_pc_includedir "${CMAKE_INSTALL_INCLUDEDIR}")
endif()
set(bagssl_pc_dir "${CMAKE_INSTALL_DATADIR}/pkgconfig")
file(RELATIVE_PATH bagssl_pc_prefix "${CMAKE_INSTALL_FULL_DATADIR}/pkgconfig" "${CMAKE_INSTALL_PREFIX}")

# bagssl_pc(<component> REQUIRES <packages> CFLAGS <flags> LIBS <flags>)
function(bagssl_pc component)
  cmake_parse_arguments(PARSE_ARGV 1 pc "" "REQUIRES;CFLAGS;LIBS" "")
  set(pc_name "bagssl-${component}")
  if(component STREQUAL "bagssl")
    set(pc_name bagssl)
  endif()
  configure_file("${PROJECT_SOURCE_DIR}/cmake/bagssl.pc.in" "${PROJECT_BINARY_DIR}/package/${pc_name}.pc" @ONLY)
  install(FILES "${PROJECT_BINARY_DIR}/package/${pc_name}.pc" DESTINATION "${bagssl_pc_dir}")
endfunction()

# Not -pthread: nvcc does not take it.
bagssl_pc(bagssl REQUIRES "eigen3 >= 3.4, eigen3 < 6" CFLAGS "-I\${includedir} -DEIGEN_NO_CUDA" LIBS "-lpthread")
bagssl_pc(openmp REQUIRES "bagssl" CFLAGS "-fopenmp" LIBS "-fopenmp")
bagssl_pc(onednn REQUIRES "bagssl-openmp" LIBS "-ldnnl")
bagssl_pc(blas REQUIRES "bagssl, blas" CFLAGS "-DEIGEN_USE_BLAS")
bagssl_pc(zlib REQUIRES "bagssl, zlib")
bagssl_pc(image REQUIRES "bagssl, libjpeg, libpng")
set(bagssl_on_thrust "-DTHRUST_HOST_SYSTEM=THRUST_HOST_SYSTEM_CPP -DTHRUST_DEVICE_SYSTEM=THRUST_DEVICE_SYSTEM")
bagssl_pc(thrust REQUIRES "bagssl" CFLAGS "${bagssl_on_thrust}_CPP")
bagssl_pc(thrust_omp REQUIRES "bagssl-openmp" CFLAGS "${bagssl_on_thrust}_OMP")
bagssl_pc(thrust_tbb REQUIRES "bagssl, tbb" CFLAGS "${bagssl_on_thrust}_TBB")
bagssl_pc(cuda REQUIRES "bagssl" LIBS "-lcusolver -lcublas -lcudart")
bagssl_pc(cudnn REQUIRES "bagssl-cuda" LIBS "-lcudnn")

# --- CPS: only bagssl::bagssl, and only when asked for ------------------------------------------------------------------
# CMake 4.3 and later prefer this file to bagsslConfig.cmake where both are installed. It can neither tell which Eigen is
# too old nor look for optional components.
if(BAGSSL_CPS)
  set(prefix "@prefix@")  # stays in the file: wherever it lies
  configure_file("${PROJECT_SOURCE_DIR}/cmake/bagssl.cps.in" "${PROJECT_BINARY_DIR}/package/bagssl.cps" @ONLY)
  install(FILES "${PROJECT_BINARY_DIR}/package/bagssl.cps" DESTINATION "${CMAKE_INSTALL_DATADIR}/cps/bagssl")
endif()
