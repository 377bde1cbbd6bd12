# The Common Package Specification, by a CMake that reads it.
include("${CMAKE_CURRENT_LIST_DIR}/common.cmake")

install_to("${WORK}/moved here" -DBAGSSL_CPS=ON)
# Without the other package file there is only one way to find it.
file(REMOVE_RECURSE "${WORK}/moved here/share/cmake")
set(CMAKE_COMMAND "${CPS_CMAKE}")
consume(cps "-DCMAKE_PREFIX_PATH=${WORK}/moved here")
if(NOT command MATCHES "moved here/include")
  message(FATAL_ERROR "the consumer was compiled with other headers than those in ${WORK}/moved here:\n${command}")
endif()
