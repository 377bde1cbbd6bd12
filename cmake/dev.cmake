# SPDX-License-Identifier: MIT

# How this repository compiles its own tests, examples and benchmarks. None of it reaches a user of the library.

include(CheckCXXCompilerFlag)

get_property(bagssl_multi_config GLOBAL PROPERTY GENERATOR_IS_MULTI_CONFIG)
if(PROJECT_IS_TOP_LEVEL AND NOT CMAKE_BUILD_TYPE AND NOT bagssl_multi_config)
  set(CMAKE_BUILD_TYPE Release CACHE STRING "Debug, Release, RelWithDebInfo or MinSizeRel" FORCE)
endif()

if(PROJECT_IS_TOP_LEVEL AND NOT DEFINED CMAKE_CXX_COMPILER_LAUNCHER)
  find_program(BAGSSL_CCACHE ccache)
  mark_as_advanced(BAGSSL_CCACHE)
  if(BAGSSL_CCACHE)
    set(CMAKE_CXX_COMPILER_LAUNCHER "${BAGSSL_CCACHE}")
    set(CMAKE_CUDA_COMPILER_LAUNCHER "${BAGSSL_CCACHE}")
  endif()
endif()

set(CMAKE_CXX_EXTENSIONS OFF)

# bagssl_warnings: strict, as errors.
add_library(bagssl_warnings INTERFACE)
target_compile_options(bagssl_warnings INTERFACE
  "$<$<COMPILE_LANGUAGE:CXX>:-Wall;-Wextra;-Wpedantic;-Wconversion>"
  # g++ 12 reports Eigen's AVX-512 reductions out of its own intrinsics, and elsewhere cannot follow Eigen's products.
  # Its -Wrestrict misreads "literal" + std::string.
  "$<$<COMPILE_LANG_AND_ID:CXX,GNU>:-Wno-maybe-uninitialized;-Wno-restrict>"
  # clang 22 reports doctest's __COUNTER__.
  "$<$<AND:$<COMPILE_LANG_AND_ID:CXX,Clang>,$<VERSION_GREATER_EQUAL:$<CXX_COMPILER_VERSION>,20>>:-Wno-c2y-extensions>"
  "$<$<COMPILE_LANGUAGE:CUDA>:-Xcompiler=-Wall,-Wextra,-Wconversion>")
if(BAGSSL_WERROR)
  target_compile_options(bagssl_warnings INTERFACE "$<$<COMPILE_LANGUAGE:CXX>:-Werror>"
                                                   "$<$<COMPILE_LANGUAGE:CUDA>:--Werror=all-warnings>")
endif()

# bagssl_dev: the library as our programs link it, always PRIVATE: warnings, this machine's instructions, all cores.
set(BAGSSL_ARCH native CACHE STRING "-march of tests, examples and benchmarks, where BAGSSL_NATIVE is on")
add_library(bagssl_dev INTERFACE)
target_link_libraries(bagssl_dev INTERFACE bagssl::bagssl bagssl_warnings)
if(TARGET bagssl::openmp)
  target_link_libraries(bagssl_dev INTERFACE bagssl::openmp)
endif()
if(BAGSSL_NATIVE)
  # The generic tuning is deliberate: g++ 12 otherwise splits 512-bit vectors on some processors, which costs a fifth of
  # the speed of Eigen's matrix product.
  string(MAKE_C_IDENTIFIER "BAGSSL_HAS_${BAGSSL_ARCH}" has_arch)
  check_cxx_compiler_flag("-march=${BAGSSL_ARCH} -mtune=generic" ${has_arch})
  if(${has_arch})
    target_compile_options(bagssl_dev INTERFACE
      "$<$<COMPILE_LANGUAGE:CXX>:-march=${BAGSSL_ARCH};-mtune=generic>"
      # The same report below -O2. Other builds (asan, clang) keep the warning.
      "$<$<COMPILE_LANG_AND_ID:CXX,GNU>:-Wno-uninitialized>")
  elseif(NOT BAGSSL_ARCH STREQUAL "native")
    message(FATAL_ERROR "the compiler does not know BAGSSL_ARCH=${BAGSSL_ARCH} as -march")
  endif()
endif()
