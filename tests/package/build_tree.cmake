# A build folder serves as a package: -Dbagssl_DIR=<build folder>.
include("${CMAKE_CURRENT_LIST_DIR}/common.cmake")

consume(build_tree "-Dbagssl_DIR=${BUILD}")
says("the build folder" "${command}" "${ROOT}/include")
