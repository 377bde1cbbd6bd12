# Threads that read ahead change no number of a run: cmake -DPROGRAM=... -DARGUMENTS=a;b;... -DWORK=... -P workers.cmake

file(REMOVE_RECURSE "${WORK}")
file(MAKE_DIRECTORY "${WORK}")
foreach(workers 0 2)
  execute_process(COMMAND "${PROGRAM}" ${ARGUMENTS} --quiet --workers ${workers} --threads 1 --out run${workers}
                  WORKING_DIRECTORY "${WORK}" RESULT_VARIABLE code ERROR_VARIABLE errors OUTPUT_QUIET)
  if(NOT code EQUAL 0)
    message(FATAL_ERROR "--workers ${workers}: exit code ${code}, expected 0:\n${errors}")
  endif()
  file(SHA256 "${WORK}/run${workers}/encoder.weights" weights${workers})
endforeach()
if(NOT weights0 STREQUAL weights2)
  message(FATAL_ERROR "two workers left other weights than none")
endif()
