# An installed package, moved to a folder with a space in its name, found by version, by range and by component.
include("${CMAKE_CURRENT_LIST_DIR}/common.cmake")

install_to("${WORK}/moved here")
consume(find_package "-DCMAKE_PREFIX_PATH=${WORK}/moved here" -DBACKEND=ON)
if(NOT command MATCHES "moved here/include")
  message(FATAL_ERROR "the consumer was compiled with other headers than those in ${WORK}/moved here:\n${command}")
endif()

run("versions" "${CMAKE_COMMAND}" -S "${SOURCES}/versions" -B "${WORK}/versions" ${same_tools} "-DVERSION=${VERSION}"
    "-DEigen3_DIR=${EIGEN_DIR}" "-DCMAKE_PREFIX_PATH=${WORK}/moved here")
