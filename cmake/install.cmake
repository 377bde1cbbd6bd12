# Headers, the exported target and the package files.

include(GNUInstallDirs)
include(CMakePackageConfigHelpers)

target_include_directories(bagssl_headers INTERFACE "$<INSTALL_INTERFACE:${CMAKE_INSTALL_INCLUDEDIR}>")
set(bagssl_package_dir "${CMAKE_INSTALL_DATADIR}/cmake/bagssl")

install(DIRECTORY "${PROJECT_SOURCE_DIR}/include/ssl" DESTINATION "${CMAKE_INSTALL_INCLUDEDIR}"
        FILES_MATCHING PATTERN "*.hpp" PATTERN "*.cuh")
install(TARGETS bagssl_headers EXPORT bagsslTargets)
install(EXPORT bagsslTargets NAMESPACE bagssl:: DESTINATION "${bagssl_package_dir}")

configure_package_config_file("${PROJECT_SOURCE_DIR}/cmake/bagsslConfig.cmake.in"
                              "${PROJECT_BINARY_DIR}/bagsslConfig.cmake"
                              INSTALL_DESTINATION "${bagssl_package_dir}")
write_basic_package_version_file("${PROJECT_BINARY_DIR}/bagsslConfigVersion.cmake"
                                 COMPATIBILITY SameMinorVersion ARCH_INDEPENDENT)
install(FILES "${PROJECT_BINARY_DIR}/bagsslConfig.cmake" "${PROJECT_BINARY_DIR}/bagsslConfigVersion.cmake"
              "${PROJECT_SOURCE_DIR}/cmake/bagsslComponents.cmake"
        DESTINATION "${bagssl_package_dir}")
install(FILES "${PROJECT_SOURCE_DIR}/LICENSE" DESTINATION "${CMAKE_INSTALL_DOCDIR}")
