# Packages of Eigen that state a version and have the headers that are here: those that the library takes, and those that
# it refuses, in the source tree and installed. As Eigen's own do, they refuse who asks for another major version.
include("${CMAKE_CURRENT_LIST_DIR}/common.cmake")
include(CMakePackageConfigHelpers)

install_to("${WORK}/prefix")
foreach(version 3.3.9 3.4.0 3.4.1 5.0.1 5.99.0 6.0.0)
  set(fake "${WORK}/eigen-${version}")
  write_basic_package_version_file("${fake}/Eigen3ConfigVersion.cmake" VERSION ${version} COMPATIBILITY SameMajorVersion
                                   ARCH_INDEPENDENT)
  file(WRITE "${fake}/Eigen3Config.cmake" "
if(NOT TARGET Eigen3::Eigen)
  add_library(Eigen3::Eigen INTERFACE IMPORTED)
  target_include_directories(Eigen3::Eigen INTERFACE \"${EIGEN_INCLUDE}\")
endif()
")
  foreach(way add_subdirectory find_package)
    set(project "${CMAKE_COMMAND}" -S "${SOURCES}/consumer" -B "${WORK}/${way}-${version}" ${same_tools} "-DWAY=${way}"
        "-DROOT=${ROOT}" "-DCMAKE_PREFIX_PATH=${WORK}/prefix" "-DEigen3_DIR=${fake}")
    if(version VERSION_LESS 3.4 OR version VERSION_GREATER_EQUAL 6)
      refused("${way} with Eigen ${version}" "bagssl needs Eigen 3.4 or 5, and ${version} was found in ${fake}" ${project})
    else()
      run("${way} with Eigen ${version}" ${project})
    endif()
  endforeach()
endforeach()

# A project that asks twice is refused twice.
file(WRITE "${WORK}/twice/CMakeLists.txt" "
cmake_minimum_required(VERSION 3.25)
project(twice LANGUAGES CXX)
find_package(bagssl QUIET)
find_package(bagssl REQUIRED)
")
refused("a second find_package with Eigen 6" "and 6.0.0 was found" "${CMAKE_COMMAND}" -S "${WORK}/twice" -B "${WORK}/again"
        ${same_tools} "-DCMAKE_PREFIX_PATH=${WORK}/prefix" "-DEigen3_DIR=${WORK}/eigen-6.0.0")
# One that the build brings is taken, whatever package lies on the machine.
file(WRITE "${WORK}/brings/CMakeLists.txt" "
cmake_minimum_required(VERSION 3.25)
project(brings LANGUAGES CXX)
add_library(own_eigen INTERFACE)
add_library(Eigen3::Eigen ALIAS own_eigen)
add_subdirectory(\"${ROOT}\" bagssl)
")
run("a parent with its own Eigen" "${CMAKE_COMMAND}" -S "${WORK}/brings" -B "${WORK}/brings/build" ${same_tools}
    "-DEigen3_DIR=${WORK}/eigen-3.3.9")
refused("no Eigen" "bagssl needs Eigen 3.4 or 5 (Debian: libeigen3-dev), which was not found" "${CMAKE_COMMAND}"
        -S "${SOURCES}/consumer" -B "${WORK}/none" ${same_tools} -DWAY=find_package "-DCMAKE_PREFIX_PATH=${WORK}/prefix"
        -DCMAKE_DISABLE_FIND_PACKAGE_Eigen3=ON)

# Without CMake it is the headers that say so.
foreach(version 3.3.9 6.0.0)
  string(REPLACE "." ";" numbers ${version})
  list(GET numbers 0 major)
  list(GET numbers 1 minor)
  set(header "${WORK}/headers-${version}/Eigen/Core")
  if(major GREATER 3)  # since 5, the numbers are those of the version
    string(CONCAT at_least "(EIGEN_MAJOR_VERSION > x || (EIGEN_MAJOR_VERSION >= x && (EIGEN_MINOR_VERSION > y || "
                           "(EIGEN_MINOR_VERSION >= y && 0 >= z))))")
    file(WRITE "${header}" "#define EIGEN_MAJOR_VERSION ${major}\n#define EIGEN_MINOR_VERSION ${minor}\n")
  else()
    set(at_least "(EIGEN_WORLD_VERSION > x || (EIGEN_WORLD_VERSION >= x && EIGEN_MAJOR_VERSION >= y))")
    file(WRITE "${header}" "#define EIGEN_WORLD_VERSION 3\n#define EIGEN_MAJOR_VERSION ${minor}\n")
  endif()
  file(APPEND "${header}" "#define EIGEN_VERSION_AT_LEAST(x, y, z) ${at_least}\n")
  foreach(other Cholesky Eigenvalues)
    file(WRITE "${WORK}/headers-${version}/Eigen/${other}" "#include <Eigen/Core>\n")
  endforeach()
  refused("the headers of Eigen ${version}" "bagssl needs Eigen 3.4 or 5" "${COMPILER}" -std=c++20 -E -I "${ROOT}/include"
          -I "${WORK}/headers-${version}" "${ROOT}/include/ssl/backend/eigen/dense.hpp")
endforeach()
