# The trainers on other backends than Eigen: <name>-thrust-omp and <name>-cuda, where cmake/backends.cmake found what
# they need. `bagssl --backend ...` finds them beside bagssl.

set(BAGSSL_BACKEND_EXAMPLES bagssl vicreg CACHE STRING "Example trainers that are built for every enabled backend")

if(TARGET bagssl::thrust_omp)
  add_library(bagssl_example_thrust_omp OBJECT ${backend_sources})
  target_compile_definitions(bagssl_example_thrust_omp PUBLIC SSL_EXAMPLE_THRUST_OMP)
  target_link_libraries(bagssl_example_thrust_omp PUBLIC bagssl_example bagssl::thrust_omp)
  foreach(name IN LISTS BAGSSL_BACKEND_EXAMPLES)
    bagssl_add_example(${name}-thrust-omp "${name}.cpp" bagssl_example_thrust_omp bagssl_example_products)
  endforeach()
endif()

if(bagssl_has_cuda)
  # What names the backend is included by .cu files; the rest stays C++.
  set(cuda_sources "")
  foreach(source IN LISTS backend_sources)
    bagssl_cuda_source(cuda_source "${CMAKE_CURRENT_SOURCE_DIR}/${source}")
    list(APPEND cuda_sources "${cuda_source}")
  endforeach()
  add_library(bagssl_example_cuda OBJECT ${cuda_sources})
  target_compile_definitions(bagssl_example_cuda PUBLIC SSL_EXAMPLE_CUDA)
  target_link_libraries(bagssl_example_cuda PUBLIC bagssl_example bagssl::cuda)
  if(TARGET bagssl::cudnn)
    target_compile_definitions(bagssl_example_cuda PUBLIC SSL_EXAMPLE_CUDNN)
    target_link_libraries(bagssl_example_cuda PUBLIC bagssl::cudnn)
  endif()
  foreach(name IN LISTS BAGSSL_BACKEND_EXAMPLES)
    bagssl_cuda_source(cuda_source "${CMAKE_CURRENT_SOURCE_DIR}/${name}.cpp")
    bagssl_add_example(${name}-cuda "${cuda_source}" bagssl_example_cuda)
  endforeach()
endif()

if(BAGSSL_CUDA_EMULATED AND BAGSSL_BUILD_TESTS AND CMAKE_SYSTEM_NAME STREQUAL "Linux")
  # bagssl on the emulated device of tests/emulation, whose memory the host cannot read: for its test only.
  add_library(bagssl_example_emulated OBJECT ${backend_sources})
  target_compile_definitions(bagssl_example_emulated PUBLIC SSL_EXAMPLE_CUDA __CUDA_ARCH__=900)
  target_link_libraries(bagssl_example_emulated PUBLIC bagssl_example)
  target_compile_options(bagssl_example_emulated PUBLIC "$<$<CONFIG:Release>:-O1>")
  bagssl_add_example(bagssl-cuda-emulated bagssl.cpp bagssl_example_emulated)
  foreach(target bagssl_example_emulated bagssl-cuda-emulated)  # in front of the library's own
    target_include_directories(${target} BEFORE PRIVATE "${PROJECT_SOURCE_DIR}/tests/emulation/include"
                               "${PROJECT_SOURCE_DIR}/tests")
  endforeach()
  target_sources(bagssl-cuda-emulated PRIVATE $<TARGET_OBJECTS:bagssl_cuda_emulation>)
endif()
