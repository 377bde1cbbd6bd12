# cmake "-DCOMMAND=<compiler>;<flag>;..." -DSAYS=<regular expression> -P refuses.cmake
# The compiler must fail with two errors, the first of which matches.

cmake_minimum_required(VERSION 3.25)

execute_process(COMMAND ${COMMAND} RESULT_VARIABLE status ERROR_VARIABLE said)
if(status EQUAL 0)
  message(FATAL_ERROR "compiles, expected an error that matches '${SAYS}'")
endif()
string(REGEX MATCHALL "error: [^\n]*" errors "${said}")
list(LENGTH errors count)
list(GET errors 0 first)
if(NOT count EQUAL 2 OR NOT first MATCHES "${SAYS}")
  message(FATAL_ERROR "${count} errors, expected two, the first of which matches '${SAYS}':\n${said}")
endif()
