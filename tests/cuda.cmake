# The backend tests as CUDA: each source is included by a generated .cu file. They skip where there is no GPU.
#
# All of them take twenty minutes of a core to compile for one architecture; BAGSSL_CUDA_TESTS=verbs takes the verbs and one
# trainer, which is what a machine without a GPU can learn most from.

set(BAGSSL_CUDA_TESTS all CACHE STRING "Which tests nvcc compiles: all, or verbs")
set_property(CACHE BAGSSL_CUDA_TESTS PROPERTY STRINGS all verbs)

if(NOT bagssl_has_cuda)
  bagssl_skipped_test("cuda: nvcc or the CUDA libraries not found, GPU tests are skipped" cuda)
  return()
endif()

add_library(bagssl_doctest_main_cuda OBJECT support/doctest_main.cpp)
target_compile_definitions(bagssl_doctest_main_cuda PRIVATE SSL_TEST_CUDA)
target_compile_features(bagssl_doctest_main_cuda PRIVATE cxx_std_20)
target_link_libraries(bagssl_doctest_main_cuda PRIVATE doctest::doctest CUDA::cudart)

file(CONFIGURE OUTPUT "${PROJECT_BINARY_DIR}/cuda/tests/header.cu"
     CONTENT "#include \"ssl/backend/cuda.cuh\"\n#include \"ssl/backend/cuda.cuh\"\n" @ONLY)
set(sources "${PROJECT_BINARY_DIR}/cuda/tests/header.cu")
foreach(source IN LISTS backend_tests)
  if(BAGSSL_CUDA_TESTS STREQUAL "all" OR source MATCHES "/(backend/[a-z_]+|exec/[a-z_]+|train/trainer)\\.cpp$")
    bagssl_cuda_source(cuda_source "${source}")
    list(APPEND sources "${cuda_source}")
  endif()
endforeach()
bagssl_cuda_source(cuda_source "${CMAKE_CURRENT_SOURCE_DIR}/cuda/precision.cpp")
list(APPEND sources "${cuda_source}")
bagssl_add_tests(test_cuda PREFIX "cuda/" LABELS cuda DEFINITIONS SSL_TEST_CUDA LIBRARIES bagssl::cuda
                 SOURCES ${sources})

if(TARGET bagssl::cudnn)
  bagssl_cuda_source(cuda_source "${CMAKE_CURRENT_SOURCE_DIR}/cuda/cudnn.cpp")
  bagssl_add_tests(test_cudnn PREFIX "cuda/" LABELS cuda DEFINITIONS SSL_TEST_CUDA LIBRARIES bagssl::cudnn
                   SOURCES "${cuda_source}")
endif()
