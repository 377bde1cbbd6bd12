# The optional parts of bagssl, found on the machine that uses them. Shared by the source tree and the installed package.
#
#   openmp  bagssl::openmp  bagssl and OpenMP: the CPU backend runs its elementwise verbs on all cores
#   zlib    bagssl::zlib    bagssl and zlib: <ssl/data/gzip.hpp>
#   thrust  bagssl::thrust  bagssl and Thrust on its serial CPU system: <ssl/backend/thrust.hpp> without a GPU
#   cuda    bagssl::cuda    bagssl and the CUDA toolkit: <ssl/backend/cuda.cuh> in .cu files

include_guard(GLOBAL)

set(bagssl_known_components openmp zlib thrust cuda)

# bagssl_find_component(<name>): defines bagssl::<name> if what it needs is there, and sets bagssl_<name>_FOUND.
function(bagssl_find_component name)
  set(CMAKE_FIND_PACKAGE_TARGETS_GLOBAL ON)
  set(found FALSE)
  if(TARGET bagssl::${name})
    set(found TRUE)
  elseif(name STREQUAL "openmp")
    find_package(OpenMP QUIET COMPONENTS CXX)
    if(OpenMP_CXX_FOUND)
      set(found TRUE)
      add_library(bagssl::openmp INTERFACE IMPORTED GLOBAL)
      target_link_libraries(bagssl::openmp INTERFACE bagssl::bagssl OpenMP::OpenMP_CXX)
    endif()
  elseif(name STREQUAL "zlib")
    find_package(ZLIB QUIET)
    if(ZLIB_FOUND)
      set(found TRUE)
      add_library(bagssl::zlib INTERFACE IMPORTED GLOBAL)
      target_link_libraries(bagssl::zlib INTERFACE bagssl::bagssl ZLIB::ZLIB)
    endif()
  elseif(name STREQUAL "thrust")
    bagssl_find_thrust(include_dirs)
    if(include_dirs)
      set(found TRUE)
      add_library(bagssl::thrust INTERFACE IMPORTED GLOBAL)
      target_include_directories(bagssl::thrust SYSTEM INTERFACE "${include_dirs}")
      target_compile_definitions(bagssl::thrust INTERFACE THRUST_HOST_SYSTEM=THRUST_HOST_SYSTEM_CPP
                                                          THRUST_DEVICE_SYSTEM=THRUST_DEVICE_SYSTEM_CPP)
      target_link_libraries(bagssl::thrust INTERFACE bagssl::bagssl)
    endif()
  elseif(name STREQUAL "cuda")
    find_package(CUDAToolkit 12 QUIET)
    if(CUDAToolkit_FOUND)
      set(found TRUE)
      add_library(bagssl::cuda INTERFACE IMPORTED GLOBAL)
      # The language standard, spelled out: CMake 3.25 does not know that nvcc has C++20.
      target_compile_options(bagssl::cuda INTERFACE "$<$<COMPILE_LANG_AND_ID:CUDA,NVIDIA>:-std=c++20>")
      target_link_libraries(bagssl::cuda INTERFACE bagssl::bagssl CUDA::cudart CUDA::cublas CUDA::cusolver)
    endif()
  endif()
  set(bagssl_${name}_FOUND ${found} PARENT_SCOPE)
endfunction()

# Where Thrust's headers are: its own package (also the one inside CCCL), the CUDA toolkit's folder, or the system's.
function(bagssl_find_thrust result)
  set(hints "")
  find_package(Thrust QUIET CONFIG)
  if(Thrust_FOUND AND DEFINED _THRUST_INCLUDE_DIR)
    list(APPEND hints "${_THRUST_INCLUDE_DIR}")
  endif()
  find_package(CUDAToolkit QUIET)
  foreach(dir IN LISTS CUDAToolkit_INCLUDE_DIRS)
    list(APPEND hints "${dir}/cccl" "${dir}")
  endforeach()
  find_path(BAGSSL_THRUST_INCLUDE_DIR thrust/version.h HINTS ${hints})
  mark_as_advanced(BAGSSL_THRUST_INCLUDE_DIR)
  set(dirs "")
  if(BAGSSL_THRUST_INCLUDE_DIR)
    set(dirs "${BAGSSL_THRUST_INCLUDE_DIR}")
  endif()
  set(${result} "${dirs}" PARENT_SCOPE)
endfunction()
