# An overlay port of the tree that it lies in: vcpkg install bagssl --classic --overlay-ports=packaging/vcpkg
# (without --classic, vcpkg takes the tree's own vcpkg.json for the order). A feature brings the libraries that a
# component needs; the package is the same.

get_filename_component(SOURCE_PATH "${CMAKE_CURRENT_LIST_DIR}/../../.." ABSOLUTE)
set(VCPKG_BUILD_TYPE release)  # headers only

vcpkg_cmake_configure(SOURCE_PATH "${SOURCE_PATH}"
                      OPTIONS -DBAGSSL_BUILD_TESTS=OFF -DBAGSSL_BUILD_EXAMPLES=OFF -DBAGSSL_BUILD_BENCH=OFF)
vcpkg_cmake_install()
vcpkg_cmake_config_fixup(PACKAGE_NAME bagssl CONFIG_PATH share/cmake/bagssl)
file(MAKE_DIRECTORY "${CURRENT_PACKAGES_DIR}/lib")
file(RENAME "${CURRENT_PACKAGES_DIR}/share/pkgconfig" "${CURRENT_PACKAGES_DIR}/lib/pkgconfig")  # where vcpkg wants Libs:
vcpkg_fixup_pkgconfig(SKIP_CHECK)  # the components that were not asked for require what is not there
file(REMOVE_RECURSE "${CURRENT_PACKAGES_DIR}/share/doc")
file(INSTALL "${CMAKE_CURRENT_LIST_DIR}/usage" DESTINATION "${CURRENT_PACKAGES_DIR}/share/${PORT}")
vcpkg_install_copyright(FILE_LIST "${SOURCE_PATH}/LICENSE")
