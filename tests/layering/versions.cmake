# cmake -DROOT=<repository> -DVERSION=<of the CMake project> -P versions.cmake
#
# The CMake project and the Conan recipe read config.hpp; vcpkg, the citation and the changelog cannot, so they are compared.

cmake_minimum_required(VERSION 3.25)

foreach(manifest vcpkg.json packaging/vcpkg/bagssl/vcpkg.json)
  file(READ "${ROOT}/${manifest}" text)
  string(JSON found GET "${text}" version)
  if(NOT found STREQUAL VERSION)
    message(FATAL_ERROR "${manifest} says ${found}, include/ssl/core/config.hpp says ${VERSION}")
  endif()
endforeach()

file(STRINGS "${ROOT}/CITATION.cff" cited REGEX "^version: ")
if(NOT cited STREQUAL "version: ${VERSION}")
  message(FATAL_ERROR "CITATION.cff says '${cited}', include/ssl/core/config.hpp says ${VERSION}")
endif()

file(STRINGS "${ROOT}/CHANGELOG.md" headings REGEX "^## ")
list(GET headings 0 newest)
if(NOT newest MATCHES "^## ${VERSION}( |$)")
  message(FATAL_ERROR "CHANGELOG.md begins with '${newest}', include/ssl/core/config.hpp says ${VERSION}")
endif()

find_program(python NAMES python3)
if(python)
  set(program "
import re, sys
source = open(sys.argv[1]).read()
compile(source, 'conanfile.py', 'exec')
assert 'include/ssl/core/config.hpp' in source or '\"config.hpp\"' in source
")
  execute_process(COMMAND "${python}" -c "${program}" "${ROOT}/conanfile.py" RESULT_VARIABLE status)
  if(NOT status EQUAL 0)
    message(FATAL_ERROR "conanfile.py does not compile, or does not read the version from config.hpp")
  endif()
endif()
