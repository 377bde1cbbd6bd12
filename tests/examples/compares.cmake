# ssl_report on folders as trainers leave them, and on folders that are none:
# cmake -DPROGRAM=... -DWORK=... -P compares.cmake

file(REMOVE_RECURSE "${WORK}")
file(MAKE_DIRECTORY "${WORK}")

# training(<folder> <seed> <epochs> <accuracy>)
function(training folder seed epochs accuracy)
  file(WRITE "${WORK}/${folder}/run.json"
       "{\"kind\":\"training\",\"program\":\"vicreg\",\"options\":{\"epochs\":\"${epochs}\"},\"seeds\":[${seed}],\"results\":[{\
\"condition\":{\"representation\":\"trained\",\"patches\":\"4\"},\"measures\":{\"linear\":${accuracy}}}]}\n")
  file(WRITE "${WORK}/${folder}/metrics.jsonl" "{\"step\":1,\"loss\":2.5}\n{\"step\":2,\"loss\":1.5}\n")
endfunction()
training(a1 1 2 0.5)
training(a2 2 2 0.6)
training(b 1 4 0.7)

# compares(<expected exit code> <expected on stderr> <argument>...)
function(compares expected message)
  execute_process(COMMAND "${PROGRAM}" ${ARGN} WORKING_DIRECTORY "${WORK}" RESULT_VARIABLE code OUTPUT_VARIABLE out
                  ERROR_VARIABLE errors)
  if(NOT code EQUAL expected OR NOT errors STREQUAL message)
    message(FATAL_ERROR "${ARGN}: exit code ${code} and '${errors}', expected ${expected} and '${message}'")
  endif()
endfunction()

compares(0 "" a1 a2 b --out page.html --title "Three runs")
file(READ "${WORK}/page.html" page)
foreach(text "<title>Three runs</title>" "epochs 2" "epochs 4" "55.0 ± 63.5 %" "70.0 %" "Loss")
  string(FIND "${page}" "${text}" at)
  if(at EQUAL -1)
    message(FATAL_ERROR "the page lacks '${text}'")
  endif()
endforeach()

file(MAKE_DIRECTORY "${WORK}/empty")
file(WRITE "${WORK}/broken/run.json" "{\"kind\":\n\"training\",,\n")
compares(2 "ssl_report: nowhere: there is no such folder\n" a1 nowhere)
compares(2 "ssl_report: page.html: this is a file, expected the folder of a run\n" page.html)
compares(2 "ssl_report: empty: is not the folder of a run, it has no run.json\n" empty)
compares(2 "ssl_report: broken/run.json, line 2: this is no JSON\n" broken)
compares(2 "ssl_report: ./a1: this run is named twice\n" a1 ./a1)
