# FetchContent, as add_subdirectory; and a build folder as a package.
include("${CMAKE_CURRENT_LIST_DIR}/common.cmake")

consume(fetch_content -DCOMPONENTS=blas)
