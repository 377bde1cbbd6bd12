# A folder of the build, with components or without; and a parent that installs what it links to the library.
include("${CMAKE_CURRENT_LIST_DIR}/common.cmake")

have(components openmp zlib)
consume(add_subdirectory "-DCOMPONENTS=${components}")

# A library that the parent brings itself is taken, though none is installed.
file(WRITE "${WORK}/brings/CMakeLists.txt" "
cmake_minimum_required(VERSION 3.25)
project(brings LANGUAGES CXX)
add_library(own_zlib INTERFACE)
add_library(ZLIB::ZLIB ALIAS own_zlib)
set(BAGSSL_COMPONENTS zlib)
add_subdirectory(\"${ROOT}\" bagssl)
get_target_property(links bagssl::zlib INTERFACE_LINK_LIBRARIES)
message(STATUS \"zlib links \${links}\")
")
run("a parent with its own zlib" "${CMAKE_COMMAND}" -S "${WORK}/brings" -B "${WORK}/brings/build" ${same_tools}
    "-DEigen3_DIR=${EIGEN_DIR}" -DCMAKE_DISABLE_FIND_PACKAGE_ZLIB=ON)
says("a parent with its own zlib" "${output}" "zlib links bagssl::bagssl;ZLIB::ZLIB")

# Once with the library in the parent's prefix, once without: the parent chooses.
install_to("${WORK}/bagssl")
foreach(both ON OFF)
  run("the parent: configure" "${CMAKE_COMMAND}" -S "${SOURCES}/parent" -B "${WORK}/parent-build" ${same_tools}
      "-DROOT=${ROOT}" "-DEigen3_DIR=${EIGEN_DIR}" -DBAGSSL_INSTALL=${both})
  run("the parent: build" "${CMAKE_COMMAND}" --build "${WORK}/parent-build")
  set(prefix "${WORK}/prefix-${both}")
  run("the parent: install" "${CMAKE_COMMAND}" --install "${WORK}/parent-build" --prefix "${prefix}")
  if((both AND NOT EXISTS "${prefix}/include/ssl/ssl.hpp") OR (NOT both AND EXISTS "${prefix}/include"))
    message(FATAL_ERROR "with BAGSSL_INSTALL=${both}, a parent's prefix holds the wrong half")
  endif()
  if(both)
    consume(parent "-DCMAKE_PREFIX_PATH=${prefix}")
  else()
    run("a grandchild: configure" "${CMAKE_COMMAND}" -S "${SOURCES}/consumer" -B "${WORK}/grandchild" ${same_tools} -DWAY=parent
        "-DEigen3_DIR=${EIGEN_DIR}" "-DCMAKE_PREFIX_PATH=${prefix}" "-Dbagssl_DIR=${WORK}/bagssl/share/cmake/bagssl")
  endif()
endforeach()
