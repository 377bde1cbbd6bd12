# pkg-config: bagssl.pc and one for each component, from wherever they are.
include("${CMAKE_CURRENT_LIST_DIR}/common.cmake")

install_to("${WORK}/moved here")
set(ENV{PKG_CONFIG_PATH} "${WORK}/moved here/share/pkgconfig")

# Each component has a file, and each file is sound whether or not what it requires is here.
include("${ROOT}/cmake/bagsslComponents.cmake")
foreach(component IN LISTS bagssl_known_components)
  run("bagssl-${component}.pc" "${PKG_CONFIG}" --modversion "bagssl-${component}")
  says("bagssl-${component}.pc" "${output}" "${VERSION}")
  run("bagssl-${component}.pc" "${PKG_CONFIG}" --validate "bagssl-${component}")
endforeach()

set(packages bagssl)
set(definitions "")
have(components openmp blas zlib image)
separate_arguments(components)
foreach(component IN LISTS components)
  list(APPEND packages "bagssl-${component}")
  list(APPEND definitions "-DWITH_${component}")
endforeach()
message(STATUS "compiled with ${packages}")
run("the flags" "${PKG_CONFIG}" --cflags --libs ${packages})
separate_arguments(flags UNIX_COMMAND "${output}")
run("the compiler" "${COMPILER}" -std=c++20 ${definitions} "${SOURCES}/consumer/main.cpp" ${flags} -o "${WORK}/consumer")
run("the program" "${WORK}/consumer")
says("the program" "${output}" "bagssl ${VERSION}")
