# Conan 2: `conan create .` with its test package, in a cache of its own and without a network. The libraries that it would
# get from a remote are the system's, by the recipe in conan/.
include("${CMAKE_CURRENT_LIST_DIR}/common.cmake")

set(ENV{CONAN_HOME} "${WORK}/home")
set(ENV{CXX} "${COMPILER}")
run("conan profile" "${CONAN}" profile detect)
file(APPEND "${WORK}/home/profiles/default" "
[conf]
tools.build:compiler_executables={'cpp': '${COMPILER}'}
tools.cmake.cmaketoolchain:generator=${GENERATOR}
tools.cmake.cmaketoolchain:user_presets=
tools.cmake.cmake_layout:test_folder=${WORK}/test_package
")
run("no remote" "${CONAN}" remote remove "*")

# The options are the components, and nothing else.
include("${ROOT}/cmake/bagsslComponents.cmake")
run("conan inspect" "${CONAN}" inspect "${ROOT}" --format=json)
string(REGEX MATCH "{.*\n}" output "${output}")  # warnings stand behind
string(JSON version GET "${output}" version)
string(JSON count LENGTH "${output}" options)
math(EXPR last "${count} - 1")
set(options "")
foreach(k RANGE ${last})
  string(JSON option MEMBER "${output}" options ${k})
  list(APPEND options "${option}")
endforeach()
set(components ${bagssl_known_components})
list(SORT components)
list(SORT options)
if(NOT options STREQUAL components OR NOT version STREQUAL VERSION)
  message(FATAL_ERROR "conanfile.py ${version} has the options ${options}, the package ${VERSION} the components ${components}")
endif()

foreach(pair eigen/5.0.1 libjpeg-turbo/3.0.2 libpng/1.6.58 zlib/1.3.1 openblas/0.3.30 onetbb/2021.12.0 thrust/1.17.2)
  string(REPLACE "/" ";" pair "${pair}")
  list(GET pair 0 name)
  list(GET pair 1 version)
  run("the recipe of ${name}" "${CONAN}" export "${SOURCES}/conan" --name=${name} --version=${version})
endforeach()

# Everything at once but the other two systems of Thrust; cudnn brings cuda.
set(create "${CONAN}" create "${ROOT}" --no-remote --build=missing -s build_type=Debug)
have(components openmp onednn blas zlib image)
separate_arguments(components)
set(all "")
foreach(component IN LISTS components ITEMS thrust cudnn)
  list(APPEND all -o "&:${component}=True")
endforeach()
run("conan create" ${create} -s compiler.cppstd=20 ${all})
says("the test package" "${output}" "loss 4, length of the bag's features 0.0407295, zlib ")

# What must not be made says why.
set(graph "${CONAN}" graph info "${ROOT}" --no-remote)
foreach(refusal "C++17=-s;compiler.cppstd=17=Current cppstd (17) is lower than the required C++ standard (20)"
        "two systems=-s;compiler.cppstd=20;-o;&:thrust=True;-o;&:thrust_tbb=True=one of Thrust's systems at a time, not cpp and tbb")
  string(REGEX MATCH "^([^=]*)=(.*)=([^=]*)$" unused "${refusal}")
  run("${CMAKE_MATCH_1}" ${graph} ${CMAKE_MATCH_2})
  says("${CMAKE_MATCH_1}" "${output}" "${CMAKE_MATCH_3}")
endforeach()
