# cmake -DROOT=<repository> -P check.cmake
#
# Prints each line that breaks a rule of the tree, and fails if there is one:
#   - a header includes only folders before its own in core > backend > exec > {data patch augment nn loss optim} >
#     {train eval} > ssl.hpp, written "ssl/folder/file.hpp"; folders in braces never include each other
#   - nothing includes a concrete backend (backend/eigen.hpp, backend/eigen/..., onednn, thrust, cuda and cudnn alike) but its own
#     parts; onednn builds on eigen, cuda may build on thrust, and cudnn builds on cuda
#   - third-party headers stay where they belong: Eigen, Thrust and CUDA in backend/, zlib, libjpeg and libpng in data/
#   - ssl.hpp includes every header but the concrete backends and what needs zlib, libjpeg or libpng: data/gzip.hpp, data/jpeg.hpp,
#     data/png.hpp and data/image_*.hpp
#   - a header starts with #pragma once and, in a tree with a LICENSE, the line of its licence; it has at most 400 lines
#   - an indented formula or table of a comment ends with an empty line, and no line of a header has more than 110 characters: the
#     formatter leaves comments alone
#   - the name of a test has neither semicolon nor lone bracket, which CTest would split or swallow

cmake_minimum_required(VERSION 3.25)

set(rank_core 0)
set(rank_backend 1)
set(rank_exec 2)
foreach(folder data patch augment nn loss optim)
  set(rank_${folder} 3)
endforeach()
foreach(folder train eval)
  set(rank_${folder} 4)
endforeach()
set(rank_top 5)

set(violations 0)
function(report where text)
  message("${where}: ${text}")
  math(EXPR count "${violations} + 1")
  set(violations ${count} PARENT_SCOPE)
endfunction()

# The folder of a path relative to include/ssl: "top" for ssl.hpp itself.
function(folder_of path result)
  if(path MATCHES "^([^/]+)/.+$")
    set(${result} "${CMAKE_MATCH_1}" PARENT_SCOPE)
  elseif(path STREQUAL "ssl.hpp")
    set(${result} "top" PARENT_SCOPE)
  else()
    set(${result} "unknown" PARENT_SCOPE)
  endif()
endfunction()

# The concrete backend that a path belongs to: eigen, onednn, thrust, cuda, cudnn, or "" if none.
function(backend_of path result)
  set(${result} "" PARENT_SCOPE)
  if(path MATCHES "^backend/(eigen|onednn|thrust|cuda|cudnn)(\\.hpp|\\.cuh|/.+)$")
    set(${result} "${CMAKE_MATCH_1}" PARENT_SCOPE)
  endif()
endfunction()

# The lines of a file as a list. CMake gives brackets, semicolons and backslashes a meaning, so they are replaced first.
function(read_lines file result)
  file(READ "${file}" text)
  string(REPLACE "[" "<open>" text "${text}")
  string(REPLACE "]" "<close>" text "${text}")
  string(REPLACE "\\" "<backslash>" text "${text}")
  string(REPLACE ";" "<semicolon>" text "${text}")
  string(REPLACE "\n" ";" lines "${text}")
  set(${result} "${lines}" PARENT_SCOPE)
endfunction()

file(GLOB_RECURSE headers RELATIVE "${ROOT}/include/ssl" "${ROOT}/include/ssl/*.hpp" "${ROOT}/include/ssl/*.cuh")
list(LENGTH headers header_count)
if(header_count EQUAL 0)
  message(FATAL_ERROR "no headers below ${ROOT}/include/ssl")
endif()

foreach(header IN LISTS headers)
  set(shown "include/ssl/${header}")
  folder_of("${header}" folder)
  backend_of("${header}" backend)
  if(NOT DEFINED rank_${folder})
    report("${shown}" "not in a folder of the library")
    continue()
  endif()
  read_lines("${ROOT}/include/ssl/${header}" lines)

  list(GET lines 0 first_line)
  if(NOT first_line STREQUAL "#pragma once")
    report("${shown}:1" "must be #pragma once")
  endif()
  list(GET lines 1 second_line)
  if(EXISTS "${ROOT}/LICENSE" AND NOT second_line STREQUAL "// SPDX-License-Identifier: MIT")
    report("${shown}:2" "must be // SPDX-License-Identifier: MIT")
  endif()
  list(LENGTH lines line_count)
  if(line_count GREATER 401)  # the text after the last newline counts as one
    report("${shown}" "has more than 400 lines")
  endif()

  set(number 0)
  set(before "")
  foreach(line IN LISTS lines)
    math(EXPR number "${number} + 1")
    if(before MATCHES "^ *///     +[^ ]" AND line MATCHES "^ */// ?[^ `]")
      report("${shown}:${number}" "${line}   (an empty line ends a formula)")
    endif()
    set(before "${line}")
    string(REGEX REPLACE "<(open|close|backslash|semicolon)>" "x" as_written "${line}")
    string(LENGTH "${as_written}" width)
    if(width GREATER 110)
      report("${shown}:${number}" "${line}   (more than 110 characters)")
    endif()
    if(NOT line MATCHES "^ *# *include *([\"<])([^\">]+)[\">]")
      continue()
    endif()
    set(quote "${CMAKE_MATCH_1}")
    set(target "${CMAKE_MATCH_2}")
    set(where "${shown}:${number}")

    if(target MATCHES "^ssl/(.+)$")
      set(target "${CMAKE_MATCH_1}")
      if(NOT quote STREQUAL "\"")
        report("${where}" "${line}   (write \"ssl/${target}\")")
      endif()
      folder_of("${target}" target_folder)
      backend_of("${target}" target_backend)
      if(NOT DEFINED rank_${target_folder} OR NOT EXISTS "${ROOT}/include/ssl/${target}")
        report("${where}" "${line}   (no such header)")
      elseif(NOT target_backend STREQUAL "" AND NOT target_backend STREQUAL backend
             AND NOT (backend STREQUAL "cuda" AND target_backend STREQUAL "thrust")
             AND NOT (backend STREQUAL "onednn" AND target_backend STREQUAL "eigen")
             AND NOT (backend STREQUAL "cudnn" AND target_backend STREQUAL "cuda"))
        report("${where}" "${line}   (only programs choose a backend)")
      elseif(target_folder STREQUAL folder)
        continue()
      elseif(NOT rank_${target_folder} LESS rank_${folder})
        report("${where}" "${line}   (${folder} must not know ${target_folder})")
      endif()
    elseif(target MATCHES "^the end: ")
      continue()  # how core/config.hpp ends a compilation
    elseif(quote STREQUAL "\"")
      report("${where}" "${line}   (write \"ssl/folder/file.hpp\")")
    elseif(target MATCHES "^(Eigen|unsupported|thrust|cub|cuda|cublas|cudnn|cusolver|dnnl)[/._A-Za-z]" AND NOT folder STREQUAL "backend")
      report("${where}" "${line}   (only backend/ knows a numerical library)")
    elseif(target MATCHES "^zlib" AND NOT folder STREQUAL "data")
      report("${where}" "${line}   (only data/ knows zlib)")
    elseif(target MATCHES "^(jpeglib|jerror|turbojpeg|png)\\.h$" AND NOT folder STREQUAL "data")
      report("${where}" "${line}   (only data/ knows the formats of images)")
    endif()
  endforeach()
endforeach()

if(EXISTS "${ROOT}/include/ssl/ssl.hpp")
  file(READ "${ROOT}/include/ssl/ssl.hpp" umbrella)
  foreach(header IN LISTS headers)
    backend_of("${header}" backend)
    string(FIND "${umbrella}" "#include \"ssl/${header}\"" found)
    if(found EQUAL -1 AND backend STREQUAL "" AND NOT header MATCHES "^(ssl|data/(gzip|jpeg|png|image_[a-z]+))\\.hpp$")
      report("include/ssl/ssl.hpp" "does not include ssl/${header}")
    endif()
  endforeach()
endif()

file(GLOB_RECURSE tests RELATIVE "${ROOT}" "${ROOT}/tests/*.cpp")
foreach(test IN LISTS tests)
  read_lines("${ROOT}/${test}" lines)
  set(number 0)
  foreach(line IN LISTS lines)
    math(EXPR number "${number} + 1")
    string(REGEX REPLACE "<open>([^<\"]*)<close>" "\\1" balanced "${line}")
    if(balanced MATCHES "(TEST_CASE[A-Z_]*\\(|^ +)\"[a-z_]+/[a-z_]+: [^\"]*<(semicolon|open|close)>"
       OR balanced MATCHES "TEST_CASE[A-Z_]*\\(\"[^\"]*<(semicolon|open|close)>")
      report("${test}:${number}" "${line}   (no semicolon and no lone bracket in the name of a test)")
    endif()
  endforeach()
endforeach()

if(violations GREATER 0)
  message(FATAL_ERROR "${violations} violations")
endif()
message(STATUS "${header_count} headers follow the rules")
