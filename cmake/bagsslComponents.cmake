# SPDX-License-Identifier: MIT

# The library and its optional parts, found on the machine that uses them. The source tree, the build tree and the
# installed package all read this file.
#
#   openmp      bagssl and OpenMP: the CPU backend runs its elementwise verbs on all cores
#   onednn      bagssl::openmp and oneDNN 2.6 or newer: <ssl/backend/onednn.hpp>
#   blas        bagssl and any BLAS: <ssl/backend/eigen.hpp> leaves large products to it
#   zlib        bagssl and zlib: <ssl/data/gzip.hpp>
#   image       bagssl, libjpeg (libjpeg-turbo, best) and libpng: <ssl/data/image_file.hpp>, <ssl/data/image_folder.hpp>
#   thrust      bagssl and Thrust on its serial CPU system: <ssl/backend/thrust.hpp> without a GPU
#   thrust_omp  the same on Thrust's OpenMP system
#   thrust_tbb  the same on Thrust's TBB system
#   cuda        bagssl and the CUDA toolkit: <ssl/backend/cuda.cuh> in .cu files
#   cudnn       bagssl::cuda and cuDNN: <ssl/backend/cudnn.cuh>
#
# Each is a target bagssl::<name>, seen where it was made; in every folder if bagssl_target_scope is GLOBAL.

cmake_minimum_required(VERSION 3.25)

set(bagssl_known_components openmp onednn blas zlib image thrust thrust_omp thrust_tbb cuda cudnn
    CACHE INTERNAL "The components of bagssl")  # seen wherever the functions below are

# bagssl_find_library(<include folder> <problem>): defines bagssl::bagssl, or says in <problem> what it lacks.
# Headers, Eigen, C++20, and threads where the system has them in a library. Nothing else reaches a user: no warning, no
# optimisation, no instruction set.
function(bagssl_find_library include_dir problem)
  set(packaged TRUE)  # or made in this build, then its headers alone know its version
  if(TARGET Eigen3::Eigen)
    get_target_property(packaged Eigen3::Eigen IMPORTED)
  endif()
  if(NOT TARGET Eigen3::Eigen OR (packaged AND Eigen3_DIR))
    # Without a version: the package of Eigen 5 refuses who asks for 3.4, and the other way round.
    find_package(Eigen3 QUIET NO_MODULE)
  endif()
  if(NOT TARGET Threads::Threads)
    find_package(Threads QUIET)
  endif()
  set(lack "")
  if(NOT TARGET Eigen3::Eigen)
    set(lack "bagssl needs Eigen 3.4 or 5 (Debian: libeigen3-dev), which was not found")
  elseif(packaged AND Eigen3_VERSION AND (Eigen3_VERSION VERSION_LESS 3.4 OR Eigen3_VERSION VERSION_GREATER_EQUAL 6))
    set(lack "bagssl needs Eigen 3.4 or 5, and ${Eigen3_VERSION} was found in ${Eigen3_DIR}")
  elseif(NOT TARGET Threads::Threads)
    set(lack "bagssl needs threads, which this compiler cannot link")
  elseif(NOT TARGET bagssl::bagssl)
    add_library(bagssl::bagssl INTERFACE IMPORTED ${bagssl_target_scope})
    target_compile_features(bagssl::bagssl INTERFACE cxx_std_20)
    target_include_directories(bagssl::bagssl INTERFACE "${include_dir}")
    # Without it Eigen drops to scalar code in the host part of a .cu file, and two forms of one function meet at link
    # time.
    target_compile_definitions(bagssl::bagssl INTERFACE EIGEN_NO_CUDA)
    target_link_libraries(bagssl::bagssl INTERFACE Eigen3::Eigen Threads::Threads)
  endif()
  set(${problem} "${lack}" PARENT_SCOPE)
endfunction()

# bagssl_find_component(<name>): defines bagssl::<name> if what it needs is there; sets bagssl_<name>_FOUND and, if that
# is false, bagssl_<name>_PROBLEM to one sentence.
function(bagssl_find_component name)
  set(lacks "")  # what was looked for and not found
  set(includes "")
  set(definitions "")
  set(options "")
  set(links bagssl::bagssl)
  set(problem "")
  if(TARGET bagssl::${name})
  elseif(name STREQUAL "openmp")
    bagssl_need_openmp()
  elseif(name STREQUAL "onednn")
    # Not by find_package(dnnl): some packages' files insist on an OpenCL that no program of ours needs.
    bagssl_need_openmp()
    bagssl_find_component(openmp)
    find_path(BAGSSL_ONEDNN_INCLUDE_DIR dnnl.hpp)
    find_library(BAGSSL_ONEDNN_LIBRARY dnnl)
    mark_as_advanced(BAGSSL_ONEDNN_INCLUDE_DIR BAGSSL_ONEDNN_LIBRARY)
    if(NOT BAGSSL_ONEDNN_INCLUDE_DIR OR NOT BAGSSL_ONEDNN_LIBRARY)
      list(APPEND lacks "oneDNN 2.6 or later (Debian: libdnnl-dev)")
    endif()
    set(includes "${BAGSSL_ONEDNN_INCLUDE_DIR}")
    set(links bagssl::openmp "${BAGSSL_ONEDNN_LIBRARY}")
  elseif(name STREQUAL "blas")
    bagssl_need(BLAS::BLAS "a BLAS (Debian: libopenblas-dev)" BLAS)  # BLA_VENDOR chooses among several
    set(definitions EIGEN_USE_BLAS)
  elseif(name STREQUAL "zlib")
    bagssl_need(ZLIB::ZLIB "zlib (Debian: zlib1g-dev)" ZLIB)
  elseif(name STREQUAL "image")
    bagssl_need(JPEG::JPEG "libjpeg-turbo (Debian: libjpeg-dev)" JPEG)
    bagssl_need(PNG::PNG "libpng (Debian: libpng-dev)" PNG)
  elseif(name MATCHES "^thrust(_omp|_tbb)?$")
    bagssl_find_thrust(includes lacks)
    set(system CPP)
    if(name STREQUAL "thrust_omp")
      set(system OMP)
      bagssl_need_openmp()
      bagssl_find_component(openmp)
      set(links bagssl::openmp)
    elseif(name STREQUAL "thrust_tbb")
      set(system TBB)
      bagssl_need(TBB::tbb "TBB (Debian: libtbb-dev)" TBB CONFIG)
    endif()
    set(definitions THRUST_HOST_SYSTEM=THRUST_HOST_SYSTEM_CPP THRUST_DEVICE_SYSTEM=THRUST_DEVICE_SYSTEM_${system})
  elseif(name STREQUAL "cuda")
    bagssl_find_cuda(lacks)
    # The language standard, spelled out: CMake 3.25 does not know that nvcc has C++20.
    set(options "$<$<COMPILE_LANG_AND_ID:CUDA,NVIDIA>:-std=c++20>")
    list(APPEND links CUDA::cudart CUDA::cublas CUDA::cusolver)
  elseif(name STREQUAL "cudnn")
    bagssl_find_cuda(lacks)
    bagssl_find_component(cuda)
    find_path(BAGSSL_CUDNN_INCLUDE_DIR cudnn.h HINTS ${CUDAToolkit_INCLUDE_DIRS})
    find_library(BAGSSL_CUDNN_LIBRARY cudnn HINTS ${CUDAToolkit_LIBRARY_DIR})
    mark_as_advanced(BAGSSL_CUDNN_INCLUDE_DIR BAGSSL_CUDNN_LIBRARY)
    if(NOT BAGSSL_CUDNN_INCLUDE_DIR OR NOT BAGSSL_CUDNN_LIBRARY)
      list(APPEND lacks "cuDNN 9 (Debian: nvidia-cudnn)")
    endif()
    set(includes "${BAGSSL_CUDNN_INCLUDE_DIR}")
    set(links bagssl::cuda "${BAGSSL_CUDNN_LIBRARY}")
  else()
    list(JOIN bagssl_known_components ", " known)
    set(problem "bagssl has no component '${name}': there are ${known}")
  endif()

  if(lacks)
    list(JOIN lacks " and " lacks)
    set(problem "the component '${name}' of bagssl needs ${lacks}, which was not found")
  elseif(NOT problem AND NOT TARGET bagssl::${name})
    add_library(bagssl::${name} INTERFACE IMPORTED ${bagssl_target_scope})
    target_include_directories(bagssl::${name} SYSTEM INTERFACE ${includes})
    target_compile_definitions(bagssl::${name} INTERFACE ${definitions})
    target_compile_options(bagssl::${name} INTERFACE ${options})
    target_link_libraries(bagssl::${name} INTERFACE ${links})
  endif()
  set(found TRUE)
  if(problem)
    set(found FALSE)
  endif()
  set(bagssl_${name}_FOUND ${found} PARENT_SCOPE)
  set(bagssl_${name}_PROBLEM "${problem}" PARENT_SCOPE)
endfunction()

# The rest are macros: they work on the variables of bagssl_find_component, and so does find_package.

# bagssl_need(<target> <what to say> <arguments of find_package>...): a target that exists already is taken, whoever made it.
macro(bagssl_need target what)
  if(NOT TARGET ${target})
    find_package(${ARGN} QUIET)
  endif()
  if(NOT TARGET ${target})
    list(APPEND lacks "${what}")
  endif()
  list(APPEND links ${target})
endmacro()

macro(bagssl_need_openmp)
  bagssl_need(OpenMP::OpenMP_CXX "OpenMP (Debian: in g++, libomp-dev for clang)" OpenMP COMPONENTS CXX)
endmacro()

macro(bagssl_find_cuda lacks)
  find_package(CUDAToolkit 12 QUIET)
  if(NOT CUDAToolkit_FOUND)
    list(APPEND ${lacks} "the CUDA toolkit 12 or later (Debian: nvidia-cuda-toolkit)")
  endif()
endmacro()

# Where Thrust's headers are: its own package (also the one inside CCCL), the CUDA toolkit's folder, or the system's.
macro(bagssl_find_thrust include_dir lacks)
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
  if(BAGSSL_THRUST_INCLUDE_DIR)
    set(${include_dir} "${BAGSSL_THRUST_INCLUDE_DIR}")
  else()
    list(APPEND ${lacks} "Thrust (Debian: libthrust-dev)")
  endif()
endmacro()
