# cmake -DWAY=find_package|add_subdirectory|fetch_content -DROOT=... -P consume.cmake: see CMakeLists.txt.

cmake_minimum_required(VERSION 3.25)

foreach(variable CXXFLAGS CPPFLAGS LDFLAGS CMAKE_PREFIX_PATH)
  unset(ENV{${variable}})
endforeach()
file(REMOVE_RECURSE "${WORK}")

function(run what)
  execute_process(COMMAND ${ARGN} RESULT_VARIABLE status OUTPUT_VARIABLE out ERROR_VARIABLE err)
  if(NOT status EQUAL 0)
    message(FATAL_ERROR "${WAY}: ${what} failed:\n${out}${err}")
  endif()
  set(output "${out}" PARENT_SCOPE)
endfunction()

set(options "-DWAY=${WAY}" "-DROOT=${ROOT}" "-DVERSION=${VERSION}" "-DZLIB=${ZLIB}" "-DIMAGE=${IMAGE}" "-DEigen3_DIR=${EIGEN_DIR}"
            "-DCMAKE_CXX_COMPILER=${COMPILER}" "-DCMAKE_MAKE_PROGRAM=${MAKE_PROGRAM}" -DCMAKE_EXPORT_COMPILE_COMMANDS=ON)
if(WAY STREQUAL "find_package")
  run("install" "${CMAKE_COMMAND}" --install "${BUILD}" --prefix "${WORK}/prefix")
  # The package has to work from wherever it is put.
  file(RENAME "${WORK}/prefix" "${WORK}/moved")
  list(APPEND options "-DCMAKE_PREFIX_PATH=${WORK}/moved")
endif()

run("configure" "${CMAKE_COMMAND}" -S "${CONSUMER}" -B "${WORK}/build" -G "${GENERATOR}" ${options})
run("build" "${CMAKE_COMMAND}" --build "${WORK}/build")
run("the program" "${WORK}/build/consumer")
if(NOT output MATCHES "bagssl ${VERSION}")
  message(FATAL_ERROR "${WAY}: the program printed '${output}', expected 'bagssl ${VERSION}'")
endif()

# The consumer asks for no warning, optimisation, instruction set or other option, so any that is there is ours.
file(READ "${WORK}/build/compile_commands.json" commands)
string(JSON command GET "${commands}" 0 command)
string(REGEX MATCHALL " -[WOmf][^ ]*" leaked "${command}")
if(leaked)
  message(FATAL_ERROR "${WAY}: these reach a user's compile line: ${leaked}\n${command}")
endif()
if(NOT command MATCHES " -std=(c|gnu)\\+\\+20 ")
  message(FATAL_ERROR "${WAY}: C++20 does not reach a user's compile line\n${command}")
endif()
