# A trainer on files of every kind, in memory and streamed, and an experiment whose training images have no labels:
# cmake -DPROGRAM=... -DEXPERIMENT=... -DSHELL=sh -DWORK=... -P sources.cmake

file(REMOVE_RECURSE "${WORK}")
file(MAKE_DIRECTORY "${WORK}/empty")
string(ASCII 1 one)
string(ASCII 2 two)
string(ASCII 3 three)

# n strings of so many bytes, each behind one of the labels.
function(records result count size)
  set(text "")
  set(labels "${ARGN}")
  foreach(i RANGE 1 ${count})
    string(RANDOM LENGTH ${size} RANDOM_SEED ${i} pixels)
    if(labels)
      list(POP_FRONT labels label)
      list(APPEND labels "${label}")
      string(APPEND text "${label}")
    endif()
    string(APPEND text "${pixels}")
  endforeach()
  set(${result} "${text}" PARENT_SCOPE)
endfunction()

# A file that begins with what printf makes of `head` and goes on with `text`.
function(binary file head text)
  file(WRITE "${WORK}/text" "${text}")
  execute_process(COMMAND "${SHELL}" -c "{ printf '${head}'; cat '${WORK}/text'; } > '${file}'" RESULT_VARIABLE code)
  if(NOT code EQUAL 0)
    message(FATAL_ERROR "${file} could not be made")
  endif()
endfunction()

# A .npy file; its header is shorter than 256 bytes.
function(npy file descr shape text)
  set(header "{\"descr\": \"${descr}\", \"fortran_order\": False, \"shape\": ${shape}, }")
  string(LENGTH "${header}" length)
  math(EXPR high "${length} / 64")
  math(EXPR middle "${length} / 8 % 8")
  math(EXPR low "${length} % 8")
  binary("${file}" "\\223NUMPY\\001\\000\\${high}${middle}${low}\\000${header}" "${text}")
endfunction()

foreach(folder cifar10 stl10 idx npy)
  file(MAKE_DIRECTORY "${WORK}/${folder}")
endforeach()
records(text 24 3072 "${one}" "${two}")
file(WRITE "${WORK}/cifar10/train.bin" "${text}")
records(text 8 3072 "${two}" "${one}")
file(WRITE "${WORK}/cifar10/test.bin" "${text}")

records(text 9 27648)
file(WRITE "${WORK}/stl10/unlabeled_X.bin" "${text}")
foreach(part train test)
  records(text 6 27648)
  file(WRITE "${WORK}/stl10/${part}_X.bin" "${text}")
  file(WRITE "${WORK}/stl10/${part}_y.bin" "${one}${two}${three}${one}${two}${three}")
endforeach()

foreach(part train t10k)
  records(text 16 784)
  binary("${WORK}/idx/${part}-images-idx3-ubyte" "\\000\\000\\010\\003\\000\\000\\000\\020\\000\\000\\000\\034\\000\\000\\000\\034"
         "${text}")
  binary("${WORK}/idx/${part}-labels-idx1-ubyte" "\\000\\000\\010\\001\\000\\000\\000\\020"
         "${one}${two}${one}${two}${one}${two}${one}${two}${one}${two}${one}${two}${one}${two}${one}${two}")
endforeach()

# Four channels of two bytes each.
foreach(part train test)
  records(text 10 2048)
  npy("${WORK}/npy/${part}_images.npy" "<u2" "(10, 16, 16, 4)" "${text}")
  npy("${WORK}/npy/${part}_labels.npy" "|u1" "(10,)" "${one}${two}${one}${two}${one}${two}${one}${two}${one}${two}")
endforeach()

set(tiny --epochs 1 --batch 6 --widths 4,8 --projector 8,8 --views 2 --eval-crops 2 --threads 1 --quiet)

function(trains name)
  execute_process(COMMAND "${PROGRAM}" ${tiny} ${ARGN} --out "run_${name}" WORKING_DIRECTORY "${WORK}"
                  RESULT_VARIABLE code ERROR_VARIABLE errors OUTPUT_VARIABLE out)
  if(NOT code EQUAL 0 OR NOT errors STREQUAL "" OR NOT out MATCHES "trained +whole")
    message(FATAL_ERROR "${ARGN}: exit code ${code}, expected 0 and results:\n${errors}${out}")
  endif()
  file(SHA256 "${WORK}/run_${name}/encoder.weights" weights)
  set(weights_${name} ${weights} PARENT_SCOPE)
endfunction()

foreach(kind cifar10 stl10 stl10-labelled stl10-all idx npy)
  string(REGEX REPLACE "-.*" "" folder ${kind})
  trains(held --data ${kind}:${folder})
  trains(streamed --data ${kind}:${folder} --stream)
  trains(ahead --data ${kind}:${folder} --stream --workers 2)
  if(NOT weights_held STREQUAL weights_streamed OR NOT weights_held STREQUAL weights_ahead)
    message(FATAL_ERROR "${kind}: images from memory, from files and read ahead leave different weights")
  endif()
endforeach()

# Classifiers learn from the images that have labels, six of STL-10's, not from the nine without.
execute_process(COMMAND "${EXPERIMENT}" --data stl10:stl10 --seeds 1 --epochs 1 --batch 6 --widths 4,8 --projector 8,8
                        --views 2 --bag 2 --losses emp_ssl --threads 1 --quiet --out experiment
                WORKING_DIRECTORY "${WORK}" RESULT_VARIABLE code ERROR_VARIABLE errors OUTPUT_QUIET)
if(NOT code EQUAL 0 OR NOT errors STREQUAL "")
  message(FATAL_ERROR "an experiment on STL-10: exit code ${code}, expected 0 and nothing on stderr:\n${errors}")
endif()

function(refuses what)
  execute_process(COMMAND "${PROGRAM}" ${tiny} ${ARGN} --out refused WORKING_DIRECTORY "${WORK}" RESULT_VARIABLE code
                  ERROR_VARIABLE errors OUTPUT_QUIET)
  string(FIND "${errors}" "${what}" found)
  if(NOT code EQUAL 2 OR NOT errors MATCHES "^[^\n]+\n$" OR found EQUAL -1 OR EXISTS "${WORK}/refused")
    message(FATAL_ERROR "${ARGN}: exit code ${code}, expected 2 and one sentence with '${what}', found: ${errors}")
  endif()
endfunction()

refuses("--stream: synthetic has no files to read from" --data synthetic:300,100 --stream)
refuses("--value-range: images of cifar10 are bytes already" --data cifar10:cifar10 --value-range 0,1)
refuses("expected the lower number first" --data npy:npy --value-range 1,0)
refuses("empty: holds no CIFAR-100, expected train.bin and test.bin" --data cifar100-coarse:empty)
refuses("empty: holds no STL-10" --data stl10:empty)
refuses("train_images.npy: no such file" --data npy-chw:empty)
refuses("16 x 4 pixels, expected square ones" --data npy-chw:npy)
file(REMOVE "${WORK}/stl10/unlabeled_X.bin")
refuses("unlabeled_X.bin: no such file" --data stl10:stl10)
file(REMOVE "${WORK}/stl10/test_y.bin")
refuses("test_y.bin: no such file" --data stl10-labelled:stl10)
