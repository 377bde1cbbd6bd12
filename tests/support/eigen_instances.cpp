// The other side of eigen_instances.hpp.

#include "support/eigen_instances.hpp"

SSL_TEST_EIGEN_INSTANCES(, float)
SSL_TEST_EIGEN_INSTANCES(, double)
