#include "support/eigen_products.hpp"

SSL_EXAMPLE_EIGEN_PRODUCTS(, float)
SSL_EXAMPLE_EIGEN_PRODUCTS(, double)
