# A program for a GPU: where there is no device it ends with one sentence and exit code 2, leaving nothing; where there
# is one it trains: cmake -DPROGRAM=... -DWORK=... -P device.cmake

file(REMOVE_RECURSE "${WORK}")
file(MAKE_DIRECTORY "${WORK}")
execute_process(COMMAND "${PROGRAM}" --version RESULT_VARIABLE code OUTPUT_VARIABLE version ERROR_VARIABLE errors)
if(NOT code EQUAL 0 OR NOT errors STREQUAL "" OR
   NOT version MATCHES "^[^\n]*, backend cuda\nCUDA runtime [0-9.]+, cuBLAS [^\n]*\nconvolution: [^\n]+\ndevice: [^\n]+\ncompiler: nvcc [^\n]+\n$")
  message(FATAL_ERROR "--version: exit code ${code}, found: ${version}${errors}")
endif()

execute_process(COMMAND "${PROGRAM}" --data synthetic:60,30 --epochs 1 --batch 20 --patches 2 --widths 4,8
                        --projector 8,4 --eval-patches 1 --out run --quiet
                WORKING_DIRECTORY "${WORK}" RESULT_VARIABLE code OUTPUT_VARIABLE out ERROR_VARIABLE errors)
if(NOT version MATCHES "\ndevice: none ")
  if(NOT code EQUAL 0 OR NOT errors STREQUAL "")
    message(FATAL_ERROR "exit code ${code}, expected 0 and nothing on stderr:\n${errors}")
  endif()
  return()
endif()
if(NOT code EQUAL 2 OR NOT out STREQUAL "" OR NOT errors MATCHES "^[^\n]+ssl: [^\n]*(device|driver)[^\n]*\n$")
  message(FATAL_ERROR "exit code ${code}, expected 2 and one sentence:\n${out}${errors}")
endif()
file(GLOB left "${WORK}/*")
if(left)
  message(FATAL_ERROR "the run left ${left}")
endif()
