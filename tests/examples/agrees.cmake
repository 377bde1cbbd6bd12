# Two programs of different backends train alike: from the same start, the first losses of their logs are equal to one
# part in ten thousand, and the terms too: cmake -DPROGRAM=... -DOTHER=... -DWORK=... -P agrees.cmake

file(REMOVE_RECURSE "${WORK}")
file(MAKE_DIRECTORY "${WORK}")
set(number 0)
foreach(program "${PROGRAM}" "${OTHER}")
  math(EXPR number "${number} + 1")
  # Seven epochs of three steps: a record each.
  execute_process(COMMAND "${program}" --data synthetic:60,30 --epochs 7 --batch 20 --patches 2 --widths 4,8
                          --projector 8,4 --rate 0.01 --eval-patches 1 --out run${number} --quiet
                  WORKING_DIRECTORY "${WORK}" RESULT_VARIABLE code OUTPUT_QUIET ERROR_VARIABLE errors)
  if(NOT code EQUAL 0)
    message(FATAL_ERROR "${program}: exit code ${code}\n${errors}")
  endif()
  file(STRINGS "${WORK}/run${number}/metrics.jsonl" lines${number})
endforeach()

# millionths(<variable> <decimal>): a whole number, for CMake has no others.
function(millionths variable value)
  if(NOT value MATCHES "^(-?)([0-9]+)\\.?([0-9]*)$")
    message(FATAL_ERROR "'${value}' is not a plain decimal")
  endif()
  set(sign "${CMAKE_MATCH_1}")
  set(whole "${CMAKE_MATCH_2}")
  string(SUBSTRING "${CMAKE_MATCH_3}000000" 0 6 part)
  math(EXPR sum "${sign}(${whole} * 1000000 + 1${part} - 1000000)")
  set(${variable} "${sum}" PARENT_SCOPE)
endfunction()

foreach(record RANGE 3)
  list(GET lines1 ${record} one)
  list(GET lines2 ${record} two)
  foreach(name loss tcr sim)
    string(JSON a GET "${one}" ${name})
    string(JSON b GET "${two}" ${name})
    millionths(a "${a}")
    millionths(b "${b}")
    # |a - b| * 10^4 <= |b|
    math(EXPR excess "(${a} - ${b}) * 10000")
    string(REGEX REPLACE "^-" "" excess "${excess}")
    string(REGEX REPLACE "^-" "" size "${b}")
    if(excess GREATER size)
      message(FATAL_ERROR "record ${record}: ${name} differs by more than 1e-4:\n${one}\n${two}")
    endif()
  endforeach()
endforeach()
