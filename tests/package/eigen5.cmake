# Eigen 5 and the library, both fetched: Eigen3::Eigen is then a target of the build, whatever package lies on the machine.
include("${CMAKE_CURRENT_LIST_DIR}/common.cmake")

consume(fetch_content "-DEIGEN_SOURCE=${EIGEN_SOURCE}" -DBACKEND=ON -DBUILD_TESTING=OFF -DEIGEN_BUILD_DOC=OFF)
says("the program" "${output}" "Eigen 3.5.")
