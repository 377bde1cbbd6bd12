# Each mistake ends a trainer with exit code 2, one sentence on stderr that names it, and no file:
# cmake -DPROGRAM=... [-DVIEWS=--views] -DWORK=... -P refuses.cmake

if(NOT VIEWS)
  set(VIEWS --patches)
endif()
file(REMOVE_RECURSE "${WORK}")
file(MAKE_DIRECTORY "${WORK}/empty" "${WORK}/cut")
file(WRITE "${WORK}/a_file" "not a folder")

# Images of 3073 bytes, the last file cut off within one.
string(REPEAT "x" 5000 bytes)
foreach(name data_batch_1 data_batch_2 data_batch_3 data_batch_4 data_batch_5 test_batch)
  file(WRITE "${WORK}/cut/${name}.bin" "${bytes}")
endforeach()

file(GLOB_RECURSE before LIST_DIRECTORIES true "${WORK}/*")
set(failures "")

function(refuses what)
  execute_process(COMMAND "${PROGRAM}" ${ARGN} WORKING_DIRECTORY "${WORK}" RESULT_VARIABLE code OUTPUT_VARIABLE out
                  ERROR_VARIABLE errors)
  string(REPLACE ";" " " arguments "${ARGN}")
  string(FIND "${errors}" "${what}" found)
  if(NOT code EQUAL 2)
    string(APPEND failures "${arguments}: exit code ${code}, expected 2\n")
  endif()
  if(NOT errors MATCHES "^[^\n]+\n$" OR found EQUAL -1)
    string(APPEND failures "${arguments}: expected one sentence with '${what}', found: ${errors}\n")
  endif()
  file(GLOB_RECURSE after LIST_DIRECTORIES true "${WORK}/*")
  if(NOT after STREQUAL before OR NOT out STREQUAL "")
    string(APPEND failures "${arguments}: something was left behind or printed\n")
  endif()
  set(failures "${failures}" PARENT_SCOPE)
endfunction()

set(small --data synthetic:300,100)
refuses("${VIEWS}: 0 found, expected 2 to 1024" ${small} ${VIEWS} 0 --out run)
refuses("--epochs: 0 found" ${small} --epochs 0 --out run)
refuses("--workers: -1 found, expected 0 to 256" ${small} --workers -1 --out run)
refuses("--widths: 0 found" ${small} --widths 8,0 --out run)
refuses("--train-images: -1 found" ${small} --train-images -1 --out run)
refuses("--no-such-option" ${small} --no-such-option --out run)
refuses("/nonexistent: no such folder" --data cifar10:/nonexistent --out run)
refuses("empty: holds no CIFAR-10" --data cifar10:empty --out run)
refuses("empty: holds no train-images-idx3-ubyte" --data idx:empty --out run)
refuses("has 5000 bytes, expected a multiple of the 3073 bytes" --data cifar10:cut --out run)
refuses("'no_such_kind' is not known" --data no_such_kind --out run)
refuses("the folder is missing" --data cifar10: --out run)
refuses("'many' is not a number of images" --data synthetic:many --out run)
refuses("--batch is 100, expected at most the 60 training images" --data synthetic:60,20 --batch 100 --out run)
refuses("--batch is 100, expected at most the 40 training images" ${small} --batch 100 --train-images 40 --out run)
# More than any machine can address; the address sanitizer would rather stop than say so.
set(ENV{ASAN_OPTIONS} "allocator_may_return_null=1:$ENV{ASAN_OPTIONS}")
refuses("; smaller --batch, ${VIEWS}, --widths, --projector or --eval-images need less" ${small} --projector
        100000000,100000000 --out run)
refuses("a_file: this is a file, expected a folder" ${small} --out a_file)
refuses("a_file/run: this output folder cannot be made" ${small} --out a_file/run)

if(failures)
  message(FATAL_ERROR "${failures}")
endif()
