# What the tests of the package share; each is a script beside this file: see CMakeLists.txt for what is passed.

cmake_minimum_required(VERSION 3.25)

foreach(variable CXXFLAGS CPPFLAGS LDFLAGS CPATH CMAKE_PREFIX_PATH PKG_CONFIG_PATH DESTDIR)
  unset(ENV{${variable}})
endforeach()
file(REMOVE_RECURSE "${WORK}")
file(MAKE_DIRECTORY "${WORK}")

# What every project below is configured with: the compiler of the tests, and no others' flags.
set(same_tools -G "${GENERATOR}" "-DCMAKE_MAKE_PROGRAM=${MAKE_PROGRAM}" "-DCMAKE_CXX_COMPILER=${COMPILER}")

# run(<what> <command>...): must succeed; what it printed is in `output`.
function(run what)
  execute_process(COMMAND ${ARGN} RESULT_VARIABLE status OUTPUT_VARIABLE out ERROR_VARIABLE err)
  if(NOT status EQUAL 0)
    message(FATAL_ERROR "${what} failed:\n${out}${err}")
  endif()
  set(output "${out}${err}" PARENT_SCOPE)
endfunction()

# refused(<what> <sentence> <command>...): must fail, and say the sentence.
function(refused what sentence)
  execute_process(COMMAND ${ARGN} RESULT_VARIABLE status OUTPUT_VARIABLE out ERROR_VARIABLE err)
  if(status EQUAL 0)
    message(FATAL_ERROR "${what} should have failed:\n${out}${err}")
  endif()
  says("${what}" "${out}${err}" "${sentence}")
endfunction()

# says(<what> <text> <sentence>): the text has it, however its lines are broken.
function(says what text sentence)
  string(REGEX REPLACE "[ \n]+" " " flat "${text}")
  string(FIND "${flat}" "${sentence}" at)
  if(at EQUAL -1)
    message(FATAL_ERROR "${what} should have said '${sentence}':\n${text}")
  endif()
endfunction()

# have(<result> <component>...): those whose libraries are here, with spaces between.
function(have result)
  separate_arguments(HAVE)
  set(found "")
  foreach(component IN LISTS ARGN)
    if(component IN_LIST HAVE)
      list(APPEND found ${component})
    endif()
  endforeach()
  list(JOIN found " " found)
  set(${result} "${found}" PARENT_SCOPE)
endfunction()

# install_to(<prefix> <option>...): as a distributor does, where no library for tests and programs is installed: staged
# under /usr, then moved to where it is wanted.
function(install_to prefix)
  run("the preset 'package'" "${CMAKE_COMMAND}" --preset package -S "${ROOT}" -B "${WORK}/package" ${same_tools}
      "-DEigen3_DIR=${EIGEN_DIR}" -DCMAKE_INSTALL_PREFIX=/usr -DCMAKE_DISABLE_FIND_PACKAGE_doctest=ON
      -DCMAKE_DISABLE_FIND_PACKAGE_CLI11=ON -DCMAKE_DISABLE_FIND_PACKAGE_nlohmann_json=ON ${ARGN})
  run("install" "${CMAKE_COMMAND}" -E env "DESTDIR=${WORK}/stage" "${CMAKE_COMMAND}" --install "${WORK}/package")
  file(RENAME "${WORK}/stage/usr" "${prefix}")
endfunction()

# consume(<way> <option>...): the project in consumer/ is configured, built and run from nothing, and its compile line is
# searched for flags that came from us.
function(consume way)
  set(build "${WORK}/build-${way}")
  run("${way}: configure" "${CMAKE_COMMAND}" -S "${SOURCES}/consumer" -B "${build}" ${same_tools} "-DWAY=${way}"
      "-DROOT=${ROOT}" "-DVERSION=${VERSION}" "-DEigen3_DIR=${EIGEN_DIR}" -DCMAKE_EXPORT_COMPILE_COMMANDS=ON ${ARGN})
  set(configured "${output}" PARENT_SCOPE)
  run("${way}: build" "${CMAKE_COMMAND}" --build "${build}")
  run("${way}: the program" "${build}/consumer")
  says("${way}: the program" "${output}" "bagssl ${VERSION}")

  # The consumer asks for no warning, optimisation, instruction set or other option, so any that is there is ours.
  file(READ "${build}/compile_commands.json" commands)
  string(JSON command GET "${commands}" 0 command)
  string(REGEX MATCHALL " -[WOmf][^ ]*" leaked "${command}")
  if("${ARGN}" MATCHES "openmp")
    list(REMOVE_ITEM leaked " -fopenmp" " -fopenmp=libomp")
  endif()
  if(leaked)
    message(FATAL_ERROR "${way}: these reach a user's compile line: ${leaked}\n${command}")
  endif()
  if(NOT command MATCHES " -std=(c|gnu)\\+\\+20 ")
    message(FATAL_ERROR "${way}: C++20 does not reach a user's compile line\n${command}")
  endif()
  set(command "${command}" PARENT_SCOPE)
  set(output "${output}" PARENT_SCOPE)
endfunction()
