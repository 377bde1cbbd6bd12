# A rate at which every run diverges: exit code 1, one sentence on stderr that says so, and a report:
# cmake -DPROGRAM=... [-DVIEWS=--views] -DWORK=... -P diverges.cmake

if(NOT VIEWS)
  set(VIEWS --patches)
endif()
file(REMOVE_RECURSE "${WORK}")
file(MAKE_DIRECTORY "${WORK}")
execute_process(COMMAND "${PROGRAM}" --data synthetic:60,20 --epochs 30 --batch 20 ${VIEWS} 2 --widths 4,8
                        --projector 8,4 --rate 1e30 --out run --quiet
                WORKING_DIRECTORY "${WORK}" RESULT_VARIABLE code ERROR_VARIABLE errors OUTPUT_QUIET)
if(NOT code EQUAL 1 OR NOT errors MATCHES "^step [0-9]+: [^\n]*(not a number|infinite|not finite)[^\n]*\n$")
  message(FATAL_ERROR "exit code ${code}, expected 1 and the cause on stderr:\n${errors}")
endif()
file(STRINGS "${WORK}/run/report.html" notice REGEX "The run ended early: step [0-9]+")
if(NOT notice)
  message(FATAL_ERROR "the report does not say why the run ended")
endif()
