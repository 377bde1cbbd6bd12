// build error: ssl: this matrix lives in another memory than the backend computes in

#include "ssl/backend/eigen.hpp"
#include "ssl/backend/verbs.hpp"

#ifdef SSL_FAIL
using space = ssl::device_space;
#else
using space = ssl::host_space;
#endif

void clear(ssl::eigen_backend<float>& be, ssl::matrix_view<float, space> m) { ssl::fill(be, m, 0.0f); }
