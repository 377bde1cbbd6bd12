# Every component of README.md is there when it is asked for, or one sentence names it and the package that it lacks.
include("${CMAKE_CURRENT_LIST_DIR}/common.cmake")

file(STRINGS "${ROOT}/README.md" rows REGEX "^\\| `bagssl::")
set(components "")
foreach(row IN LISTS rows)
  string(REGEX MATCH "^[^|]*\\|([^|]*)\\|" unused "${row}")
  string(REGEX MATCHALL "`[^`]+`" names "${CMAKE_MATCH_1}")
  list(TRANSFORM names REPLACE "`|bagssl::" "")
  list(APPEND components ${names})
endforeach()
list(REMOVE_ITEM components bagssl)
include("${ROOT}/cmake/bagsslComponents.cmake")
if(NOT components STREQUAL bagssl_known_components)
  message(FATAL_ERROR "README.md has the components ${components}, the package ${bagssl_known_components}")
endif()

install_to("${WORK}/prefix" -DBAGSSL_CPS=OFF)
# ask(<name> <option>...): sets <name>_<component> to what was said of each.
function(ask name)
  list(JOIN components " " names)
  run("${name}" "${CMAKE_COMMAND}" -S "${SOURCES}/components" -B "${WORK}/${name}" ${same_tools} "-DEigen3_DIR=${EIGEN_DIR}"
      "-DCOMPONENTS=${names} typo" ${ARGN})
  foreach(component IN LISTS components ITEMS typo optional)
    string(REGEX MATCH "-- ${component}: ([^\n]*)" unused "${output}")
    set(${name}_${component} "${CMAKE_MATCH_1}" PARENT_SCOPE)
  endforeach()
endfunction()
ask(installed "-DCMAKE_PREFIX_PATH=${WORK}/prefix")
ask(subfolder "-DROOT=${ROOT}" "-DCMAKE_PREFIX_PATH=${WORK}/prefix")
if(NOT installed_optional)
  message(FATAL_ERROR "a missing optional component makes the package not found")
endif()
foreach(component IN LISTS components ITEMS typo)
  if(NOT installed_${component} STREQUAL subfolder_${component})
    message(FATAL_ERROR "${component}: '${installed_${component}}' as installed, '${subfolder_${component}}' in a folder")
  endif()
  message(STATUS "${component}: ${installed_${component}}")
endforeach()
says("a component that does not exist" "${installed_typo}" "bagssl has no component 'typo': there are openmp, onednn, blas,")

# The table of names in docs/install.md has them all.
function(named component)
  file(STRINGS "${ROOT}/docs/install.md" row REGEX "^\\| `${component}` \\|")
  foreach(name IN LISTS ARGN)
    says("the names of ${component} in docs/install.md" "${row}" "`${name}`")
  endforeach()
endfunction()
foreach(component IN LISTS components)
  file(STRINGS "${ROOT}/conanfile.py" line REGEX "^    \"${component}\": {")
  string(REGEX MATCHALL "\"[a-z-]+/" packages "${line}")
  list(TRANSFORM packages REPLACE "[\"/]" "")
  string(REPLACE "_" "-" feature "${component}")
  file(READ "${ROOT}/packaging/vcpkg/bagssl/vcpkg.json" port)
  string(JSON count ERROR_VARIABLE unused LENGTH "${port}" features ${feature} dependencies)
  if(count GREATER 0)
    math(EXPR last "${count} - 1")
    foreach(k RANGE ${last})
      string(JSON type TYPE "${port}" features ${feature} dependencies ${k})
      if(type STREQUAL "STRING")
        string(JSON name GET "${port}" features ${feature} dependencies ${k})
        list(APPEND packages ${name})
      endif()
    endforeach()
  endif()
  file(STRINGS "${WORK}/prefix/share/pkgconfig/bagssl-${component}.pc" line REGEX "^Requires")
  string(REGEX MATCHALL "[a-z]+[-a-z_]*" required "${line}")
  list(FILTER required EXCLUDE REGEX "^(equires|bagssl.*)$")
  named(${component} ${packages} ${required})
endforeach()

# Where nothing is installed.
ask(bare "-DCMAKE_PREFIX_PATH=${WORK}/prefix" -DCMAKE_FIND_USE_CMAKE_SYSTEM_PATH=OFF -DCMAKE_DISABLE_FIND_PACKAGE_OpenMP=ON
    -DCMAKE_FIND_USE_SYSTEM_ENVIRONMENT_PATH=OFF -DCMAKE_DISABLE_FIND_PACKAGE_CUDAToolkit=ON
    -DCMAKE_DISABLE_FIND_PACKAGE_BLAS=ON)
foreach(pair openmp=OpenMP=libomp-dev "onednn=oneDNN 2.6 or later=libdnnl-dev" "blas=a BLAS=libopenblas-dev"
        zlib=zlib=zlib1g-dev image=libjpeg-turbo=libjpeg-dev image=libpng=libpng-dev thrust=Thrust=libthrust-dev
        thrust_omp=Thrust=libthrust-dev thrust_tbb=TBB=libtbb-dev "cuda=the CUDA toolkit 12 or later=nvidia-cuda-toolkit"
        "cudnn=cuDNN 9=nvidia-cudnn")
  string(REPLACE "=" ";" pair "${pair}")
  list(GET pair 0 component)
  list(GET pair 1 lacks)
  list(GET pair 2 debian)
  says("${component}" "${bare_${component}}" "the component '${component}' of bagssl needs ")
  says("${component}" "${bare_${component}}" "${lacks} (Debian: ")
  says("${component}" "${bare_${component}}" "${debian}")
  named(${component} "${debian}")
endforeach()

# The same sentences stop a project that must have them.
set(bare_project "${CMAKE_COMMAND}" -S "${SOURCES}/consumer" -B "${WORK}/refused" ${same_tools} "-DROOT=${ROOT}"
    "-DEigen3_DIR=${EIGEN_DIR}" "-DCMAKE_PREFIX_PATH=${WORK}/prefix" -DCMAKE_DISABLE_FIND_PACKAGE_PNG=ON)
set(lacks_png "the component 'image' of bagssl needs libpng (Debian: libpng-dev), which was not found")
refused("find_package without libpng" "${lacks_png}" ${bare_project} -DWAY=find_package -DCOMPONENTS=image)
refused("add_subdirectory without libpng" "${lacks_png}" ${bare_project} -DWAY=add_subdirectory -DCOMPONENTS=image)
refused("find_package of a misspelt component" "bagssl has no component 'onednnn': there are"
        ${bare_project} -DWAY=find_package -DCOMPONENTS=onednnn)
refused("add_subdirectory of a misspelt component" "bagssl has no component 'onednnn': there are"
        ${bare_project} -DWAY=add_subdirectory -DCOMPONENTS=onednnn)

# What one folder found, another finds for itself.
run("two folders" "${CMAKE_COMMAND}" -S "${SOURCES}/siblings" -B "${WORK}/siblings" ${same_tools} "-DEigen3_DIR=${EIGEN_DIR}"
    "-DCMAKE_PREFIX_PATH=${WORK}/prefix")
