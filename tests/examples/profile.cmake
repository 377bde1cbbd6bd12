# --profile shows the time of a training by operation, on stdout and in the report:
# cmake -DPROGRAM=... -DARGUMENTS=a;b;... -DWORK=... -P profile.cmake

file(REMOVE_RECURSE "${WORK}")
file(MAKE_DIRECTORY "${WORK}")
execute_process(COMMAND "${PROGRAM}" ${ARGUMENTS} --profile --threads 1 --out run WORKING_DIRECTORY "${WORK}"
                RESULT_VARIABLE code OUTPUT_VARIABLE out ERROR_VARIABLE errors)
if(NOT code EQUAL 0)
  message(FATAL_ERROR "exit code ${code}, expected 0:\n${errors}")
endif()
if(NOT errors MATCHES "products by [^\n]+, 1 thread\n")
  message(FATAL_ERROR "the run did not say what computes, on one thread:\n${errors}")
endif()
foreach(pattern
    "\noperation +on +calls +seconds +share +GFLOP/s +of product +GB/s\n"
    "\nconv2d_forward[a-z0-9, ]* +[0-9]+@[0-9]+x[0-9]+ -> [0-9]+, 3x3/[12], n [0-9]+ +[0-9]+ +[0-9.]+ +[0-9.]+ % +[0-9.]+ +[0-9.]+ % +[0-9.]+\n"
    "\nconv2d_weight_gradient[a-z0-9, ]* +[0-9]+@"
    "\nmap +[a-z_]+[^\n]* +[0-9]+ +[0-9.]+ +[0-9.]+ %"
    "\noutside the verbs +[0-9.]+ +[0-9.]+ %\n"
    "\ntraining +[0-9]+ +[0-9.]+ +100.0 % +[0-9.]+ +[0-9.]+ %\n"
    "\nProducts are measured by one of 1024 x 1024 x 1024 floats")
  if(NOT out MATCHES "${pattern}")
    message(FATAL_ERROR "no '${pattern}' in:\n${out}")
  endif()
endforeach()
file(STRINGS "${WORK}/run/report.html" cells REGEX "conv2d_forward")
if(NOT cells)
  message(FATAL_ERROR "the report has no table of operations")
endif()
