# Attraction alone collapses: exit code 1, the cause on stderr with the terms that are at their value, the warnings in
# the log and in the report: cmake -DPROGRAM=... -DWORK=... -P collapses.cmake

file(REMOVE_RECURSE "${WORK}")
file(MAKE_DIRECTORY "${WORK}")
execute_process(COMMAND "${PROGRAM}" --data synthetic:300,100 --epochs 100 --batch 50 --widths 8,16 --projector 32,16
                        --rate 3 --variance 0 --covariance 0 --out run --quiet
                WORKING_DIRECTORY "${WORK}" RESULT_VARIABLE code ERROR_VARIABLE errors OUTPUT_QUIET)
if(NOT code EQUAL 1 OR NOT errors MATCHES "^step [0-9]+: collapse, [^\n]*; var is 0\\.9[^\n]*\n$")
  message(FATAL_ERROR "exit code ${code}, expected 1 and the cause on stderr:\n${errors}")
endif()
file(STRINGS "${WORK}/run/metrics.jsonl" lines REGEX "\"warning\":\"[^\"]*embeddings identical: var is")
if(NOT lines)
  message(FATAL_ERROR "metrics.jsonl has no line with the warning")
endif()
file(STRINGS "${WORK}/run/report.html" notice REGEX "Warning at step [0-9]+: embeddings identical: var is")
if(NOT notice)
  message(FATAL_ERROR "the report does not show the warning")
endif()
