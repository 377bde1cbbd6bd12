# cmake -DROOT=<repository> -DCLANG_FORMAT=<program> -P format.cmake

cmake_minimum_required(VERSION 3.25)

set(files "")
foreach(folder include tests examples bench)
  foreach(extension hpp cuh cpp cu)
    file(GLOB_RECURSE found "${ROOT}/${folder}/*.${extension}")
    list(APPEND files ${found})
  endforeach()
endforeach()
execute_process(COMMAND "${CLANG_FORMAT}" --dry-run -Werror --ferror-limit=3 --style=file ${files}
                RESULT_VARIABLE status)
if(NOT status EQUAL 0)
  message(FATAL_ERROR "run clang-format-14 -i on the files above")
endif()
