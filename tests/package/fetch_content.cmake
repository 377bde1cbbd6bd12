# FetchContent.
include("${CMAKE_CURRENT_LIST_DIR}/common.cmake")

have(components blas image)
consume(fetch_content "-DCOMPONENTS=${components}")
