# cmake -DCHECKER=check.cmake -DWORK=<scratch folder> -P check_the_checker.cmake
#
# Builds a small tree that follows the rules, then breaks one rule at a time: the checker must accept the first, and must
# reject each of the others and name the line.

cmake_minimum_required(VERSION 3.25)

function(plant file text)
  file(WRITE "${WORK}/${file}" "${text}")
endfunction()

function(expect what pattern)
  execute_process(COMMAND "${CMAKE_COMMAND}" "-DROOT=${WORK}" -P "${CHECKER}"
                  RESULT_VARIABLE status OUTPUT_VARIABLE out ERROR_VARIABLE err)
  if(pattern STREQUAL "")
    if(NOT status EQUAL 0)
      message(FATAL_ERROR "${what}: rejected:\n${out}${err}")
    endif()
  elseif(status EQUAL 0 OR NOT "${out}${err}" MATCHES "${pattern}")
    message(FATAL_ERROR "${what}: expected '${pattern}', found:\n${out}${err}")
  endif()
endfunction()

function(sound_tree)
  file(REMOVE_RECURSE "${WORK}")
  plant(include/ssl/core/view.hpp "#pragma once\n#include <vector>\n")
  plant(include/ssl/backend/backend.hpp "#pragma once\n#include \"ssl/core/view.hpp\"\n")
  plant(include/ssl/backend/eigen.hpp "#pragma once\n#include <Eigen/Core>\n#include \"ssl/backend/eigen/dense.hpp\"\n")
  plant(include/ssl/backend/eigen/dense.hpp "#pragma once\n#include \"ssl/backend/backend.hpp\"\n")
  plant(include/ssl/backend/onednn.hpp "#pragma once\n#include <dnnl.hpp>\n#include \"ssl/backend/eigen.hpp\"\n")
  plant(include/ssl/backend/thrust.hpp "#pragma once\n#include <thrust/for_each.h>\n")
  plant(include/ssl/backend/cuda.cuh "#pragma once\n#include <cublas_v2.h>\n#include \"ssl/backend/thrust.hpp\"\n")
  plant(include/ssl/backend/cudnn.cuh "#pragma once\n#include <cudnn.h>\n#include \"ssl/backend/cuda.cuh\"\n")
  plant(include/ssl/loss/loss.hpp "#pragma once\n#include \"ssl/backend/backend.hpp\"\n")
  plant(include/ssl/loss/variance.hpp "#pragma once\nint a[2]; // [;]\n#include \"ssl/loss/loss.hpp\"\n")
  plant(include/ssl/nn/layer.hpp "#pragma once\n#include \"ssl/core/view.hpp\"\n")
  plant(include/ssl/train/trainer.hpp "#pragma once\n#include \"ssl/loss/loss.hpp\"\n#include \"ssl/nn/layer.hpp\"\n")
  plant(include/ssl/eval/knn.hpp "#pragma once\n#include \"ssl/core/view.hpp\"\n")
  set(umbrella "#pragma once\n")
  foreach(header core/view backend/backend eval/knn loss/loss loss/variance nn/layer train/trainer)
    string(APPEND umbrella "#include \"ssl/${header}.hpp\"\n")
  endforeach()
  plant(include/ssl/ssl.hpp "${umbrella}")
  plant(tests/loss/variance.cpp "TEST_CASE(\"loss/variance: fills [0, 1]\") { f(\"a;b\"); }\n")
endfunction()

sound_tree()
expect("a sound tree" "")

string(REPEAT "x" 108 long)

# what                         file                          text                                            found as
foreach(row
    "a formula that runs into the text|core/view.hpp|#pragma once\n///     y = x +\n/// 1 for each x\n|core/view.hpp:3: .*an empty line ends a formula"
    "a long line|core/view.hpp|#pragma once\n// ${long}\n|core/view.hpp:2: .*more than 110 characters"
    "an edge against the order|core/view.hpp|#pragma once\n#include \"ssl/backend/backend.hpp\"\n|core/view.hpp:2: .*core must not know backend"
    "siblings|loss/variance.hpp|#pragma once\n\n#include \"ssl/nn/layer.hpp\"\n|loss/variance.hpp:3: .*loss must not know nn"
    "the two ends|eval/knn.hpp|#pragma once\n#include \"ssl/train/trainer.hpp\"\n|eval must not know train"
    "the umbrella|train/trainer.hpp|#pragma once\n#include \"ssl/ssl.hpp\"\n|train must not know top"
    "a chosen backend|train/trainer.hpp|#pragma once\n#include \"ssl/backend/eigen.hpp\"\n|trainer.hpp:2: .*only programs choose a backend"
    "a chosen backend beside it|backend/backend.hpp|#pragma once\n#include \"ssl/backend/thrust.hpp\"\n|only programs choose a backend"
    "a part of a backend|nn/layer.hpp|#pragma once\n#include \"ssl/backend/eigen/dense.hpp\"\n|only programs choose a backend"
    "a backend in another|backend/cuda.cuh|#pragma once\n#include \"ssl/backend/eigen.hpp\"\n|only programs choose a backend"
    "angle brackets|nn/layer.hpp|#pragma once\n#include <ssl/core/view.hpp>\n|write .ssl/core/view.hpp"
    "a relative path|nn/layer.hpp|#pragma once\n#include \"../core/view.hpp\"\n|write .ssl/folder/file.hpp"
    "a missing header|nn/layer.hpp|#pragma once\n#include \"ssl/core/absent.hpp\"\n|no such header"
    "an unknown folder|misc/x.hpp|#pragma once\n|misc/x.hpp: not in a folder"
    "Eigen outside|loss/loss.hpp|#pragma once\n#include <Eigen/Dense>\n|only backend/ knows a numerical library"
    "CUDA outside|nn/layer.hpp|#pragma once\n#include <cuda_runtime.h>\n|only backend/ knows a numerical library"
    "oneDNN outside|nn/layer.hpp|#pragma once\n#include <dnnl.hpp>\n|only backend/ knows a numerical library"
    "libpng outside|nn/layer.hpp|#pragma once\n#include <png.h>\n|only data/ knows the formats"
    "zlib outside|nn/layer.hpp|#pragma once\n#include <zlib.h>\n|only data/ knows zlib"
    "a forgotten header|nn/linear.hpp|#pragma once\n|ssl.hpp: does not include ssl/nn/linear.hpp"
    "no guard|nn/layer.hpp|#include \"ssl/core/view.hpp\"\n|layer.hpp:1: must be #pragma once")
  string(REPLACE "|" ";" row "${row}")
  list(GET row 0 what)
  list(GET row 1 file)
  list(GET row 2 text)
  list(GET row 3 pattern)
  sound_tree()
  plant("include/ssl/${file}" "${text}")
  expect("${what}" "${pattern}")
endforeach()

string(REPEAT "// line\n" 399 filler)
sound_tree()
plant(include/ssl/nn/layer.hpp "#pragma once\n${filler}")
expect("400 lines" "")
plant(include/ssl/nn/layer.hpp "#pragma once\n${filler}// one too many\n")
expect("401 lines" "layer.hpp: has more than 400 lines")

sound_tree()
plant(tests/loss/variance.cpp "TEST_CASE(\"loss/variance: one; two\") {}\n")
expect("a semicolon" "variance.cpp:1: .*no semicolon")
plant(tests/loss/variance.cpp "\nTEST_CASE_TEMPLATE(\"loss/variance: in [0, 1)\", T, float) {}\n")
expect("a bracket" "variance.cpp:2: .*no semicolon")

sound_tree()
plant(LICENSE "MIT\n")
expect("headers without the line of the licence" "core/view.hpp:2: must be // SPDX-License-Identifier: MIT")
