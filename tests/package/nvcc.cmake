# The program under "On a GPU" in README.md: by nvcc as it stands there, by a C++ compiler with what its comments say it
# was. Without a device the former stops with the sentence that says so.
include("${CMAKE_CURRENT_LIST_DIR}/common.cmake")

file(READ "${ROOT}/README.md" readme)
string(REGEX MATCH "\n## On a GPU\n+```cpp\n([^`]+)```" unused "${readme}")
set(program "${CMAKE_MATCH_1}")
file(WRITE "${WORK}/program.cu" "${program}")
string(REGEX REPLACE "\"[^\"\n]+\" +// was (\"[^\"]+\")" "\\1  // was" on_host "${program}")
string(REGEX REPLACE "using backend = [^;]+; +// was ([^:]+::[^:]+):" "using backend = \\1;  //" on_host "${on_host}")
if(on_host STREQUAL program OR on_host MATCHES "cuda")
  message(FATAL_ERROR "README.md does not say what the GPU's program was:\n${on_host}")
endif()
file(WRITE "${WORK}/program.cpp" "${on_host}")

set(flags -std=c++20 -I "${ROOT}/include")
run("the C++ compiler" "${COMPILER}" ${flags} -isystem "${EIGEN_INCLUDE}" "${WORK}/program.cpp" -o "${WORK}/on_host")
run("the program on the host" "${WORK}/on_host")
string(REGEX MATCH "loss [0-9.]+" loss "${output}")

run("nvcc" "${NVCC}" ${flags} "${WORK}/program.cu" -o "${WORK}/on_device" -lcusolver -lcublas)
execute_process(COMMAND "${WORK}/on_device" RESULT_VARIABLE status OUTPUT_VARIABLE out ERROR_VARIABLE err)
if(status)
  says("the program without a device" "${err}" "no CUDA device can be used")
  message(STATUS "${loss} on the host; no device here")
elseif(NOT out MATCHES "${loss}")
  message(FATAL_ERROR "${loss} on the host, but on the device: ${out}")
endif()
