# No build system: the compiler, the folder include/ and Eigen's.
include("${CMAKE_CURRENT_LIST_DIR}/common.cmake")

run("the compiler" "${COMPILER}" -std=c++20 -I "${ROOT}/include" -isystem "${EIGEN_INCLUDE}" -DEIGEN_NO_CUDA -DBACKEND
    "${SOURCES}/consumer/main.cpp" "${SOURCES}/consumer/loss.cpp" -o "${WORK}/consumer")
run("the program" "${WORK}/consumer")
says("the program" "${output}" "bagssl ${VERSION}")
