# Ctrl-C while a trainer works: exit code 130 and a report of what there is:
# cmake -DPROGRAM=... [-DVIEWS=--views] -DSHELL=sh -DWORK=... -P stops.cmake

if(NOT VIEWS)
  set(VIEWS --patches)
endif()
file(REMOVE_RECURSE "${WORK}")
file(MAKE_DIRECTORY "${WORK}")
# The signal goes out once the log has a line, which is in the middle of training.
execute_process(
  COMMAND
    "${SHELL}" -c
    "\"$0\" \"$@\" & run=$!; while [ ! -s run/metrics.jsonl ] && kill -0 $run; do sleep 0.1; done; kill -INT $run; wait $run"
    "${PROGRAM}" --data synthetic:300,60 --epochs 100000 --batch 20 ${VIEWS} 2 --widths 4,8 --projector 8,4 --rate 0.01
    --out run --quiet
  WORKING_DIRECTORY "${WORK}" RESULT_VARIABLE code ERROR_VARIABLE errors OUTPUT_QUIET)
if(NOT code EQUAL 130)
  message(FATAL_ERROR "exit code ${code}, expected 130:\n${errors}")
endif()
foreach(file report.html encoder.weights projector.weights test_features.npy)
  if(NOT EXISTS "${WORK}/run/${file}")
    message(FATAL_ERROR "${file} was not written:\n${errors}")
  endif()
endforeach()
file(STRINGS "${WORK}/run/report.html" notice REGEX "stopped by Ctrl-C after step [0-9]+ of [0-9]+")
if(NOT notice)
  message(FATAL_ERROR "the report does not say that the run was stopped")
endif()
