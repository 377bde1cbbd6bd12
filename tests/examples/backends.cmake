# A program says what it was built with, refuses a backend that does not exist, and hands over to the program of a
# sibling backend or says in a sentence that it was not built: cmake -DPROGRAM=... -DWORK=... -P backends.cmake

file(REMOVE_RECURSE "${WORK}")
file(MAKE_DIRECTORY "${WORK}")
cmake_path(GET PROGRAM FILENAME name)

execute_process(COMMAND "${PROGRAM}" --version RESULT_VARIABLE code OUTPUT_VARIABLE out ERROR_VARIABLE errors)
if(NOT code EQUAL 0 OR NOT errors STREQUAL "" OR NOT
   out MATCHES "^bagssl [0-9]+\\.[0-9]+\\.[0-9]+, backend eigen\nEigen 3[^\n]*\ncomputes with: [^\n]+, products by [^\n]+, convolutions by [^\n]+, [0-9]+ threads?[^\n]*\ncompiler: [^\n]+\n$")
  message(FATAL_ERROR "--version: exit code ${code}, found: ${out}${errors}")
endif()

execute_process(COMMAND "${PROGRAM}" --backend gpu RESULT_VARIABLE code OUTPUT_VARIABLE out ERROR_VARIABLE errors)
if(NOT code EQUAL 2 OR NOT out STREQUAL "" OR NOT errors MATCHES "^[^\n]*eigen,thrust-omp,cuda[^\n]*\n$")
  message(FATAL_ERROR "--backend gpu: exit code ${code}, expected one sentence with what there is, found: ${errors}")
endif()

# Alone in a folder it has no siblings.
file(COPY "${PROGRAM}" DESTINATION "${WORK}")
foreach(arguments "--backend;cuda" "--backend=cuda" "--epochs;0;--backend;thrust-omp")
  execute_process(COMMAND "${WORK}/${name}" ${arguments} WORKING_DIRECTORY "${WORK}" RESULT_VARIABLE code
                  OUTPUT_VARIABLE out ERROR_VARIABLE errors)
  if(NOT code EQUAL 2 OR NOT out STREQUAL "" OR
     NOT errors MATCHES "^bagssl: --backend [a-z-]+: bagssl-[a-z-]+ was not built into this installation, expected eigen\n$")
    message(FATAL_ERROR "${arguments}: exit code ${code}, expected one sentence, found: ${errors}")
  endif()
endforeach()

# A sibling gets the same arguments, and its exit code is the program's.
if(CMAKE_HOST_UNIX)
  file(WRITE "${WORK}/bagssl-cuda" "#!/bin/sh\nprintf '%s|' \"$@\"\nexit 7\n")
  file(CHMOD "${WORK}/bagssl-cuda" PERMISSIONS OWNER_READ OWNER_WRITE OWNER_EXECUTE)
  execute_process(COMMAND "${WORK}/${name}" --out "a b" --backend cuda --tf32 RESULT_VARIABLE code OUTPUT_VARIABLE out
                  ERROR_VARIABLE errors)
  if(NOT code EQUAL 7 OR NOT out STREQUAL "--out|a b|--backend|cuda|--tf32|")
    message(FATAL_ERROR "exit code ${code}, expected 7 and the arguments, found: ${out}${errors}")
  endif()
endif()
