# The experiment on co-occurrence at tiny size: cmake -DPROGRAM=... -DWORK=... -P cooccurrence.cmake

file(REMOVE_RECURSE "${WORK}")
file(MAKE_DIRECTORY "${WORK}")
set(arguments --corpora ring,images --losses spectral --types 12 --ring-width 1 --widths 4 --mlp-width 4 --hidden 16
              --pairs 20000 --steps 300 --batch 200 --seeds 1,2 --data synthetic:120,10 --images 120 --threads 1 --quiet --out run)
execute_process(COMMAND "${PROGRAM}" ${arguments} WORKING_DIRECTORY "${WORK}"
                RESULT_VARIABLE code OUTPUT_VARIABLE out ERROR_VARIABLE errors)
if(NOT code EQUAL 0 OR NOT errors STREQUAL "")
  message(FATAL_ERROR "exit code ${code}, expected 0 and nothing on stderr:\n${errors}")
endif()

# "... over corpora and widths: spectral 0.998 (...)": the table's correlation with the best approximation of its rank.
if(NOT out MATCHES "Least correlation [^:]*: spectral (1\\.000|0\\.[0-9]+)")
  message(FATAL_ERROR "stdout does not say how well the spectral loss does:\n${out}")
endif()
if(CMAKE_MATCH_1 LESS 0.9)
  message(FATAL_ERROR "the correlation is ${CMAKE_MATCH_1}, expected at least 0.9:\n${out}")
endif()

foreach(file report.html results.jsonl run.json)
  if(NOT EXISTS "${WORK}/run/${file}")
    message(FATAL_ERROR "the run left no ${file}")
  endif()
endforeach()

# What is there is not run again, and other options are refused.
file(STRINGS "${WORK}/run/results.jsonl" before)
execute_process(COMMAND "${PROGRAM}" ${arguments} WORKING_DIRECTORY "${WORK}" RESULT_VARIABLE code OUTPUT_QUIET)
file(STRINGS "${WORK}/run/results.jsonl" after)
if(NOT code EQUAL 0 OR NOT before STREQUAL after)
  message(FATAL_ERROR "a second run changed the results, or ended with ${code}")
endif()
execute_process(COMMAND "${PROGRAM}" ${arguments} --lambda 31 WORKING_DIRECTORY "${WORK}" RESULT_VARIABLE code
                OUTPUT_QUIET ERROR_VARIABLE errors)
if(NOT code EQUAL 2 OR NOT errors MATCHES "lambda")
  message(FATAL_ERROR "other options in the same folder: exit code ${code}, expected 2 and a sentence:\n${errors}")
endif()
execute_process(COMMAND "${PROGRAM}" --corpora images --types 12 --data synthetic:20,10 --images 20 --patch 40 --quiet
                        --out other WORKING_DIRECTORY "${WORK}" RESULT_VARIABLE code OUTPUT_QUIET ERROR_VARIABLE errors)
if(NOT code EQUAL 2 OR NOT errors MATCHES "do not fit")
  message(FATAL_ERROR "patches larger than images: exit code ${code}, expected 2 and a sentence:\n${errors}")
endif()
