// build error: (could not convert|no known conversion).*device_space.*host_space

#include "ssl/core/view.hpp"

float first(ssl::matrix_view<const float, ssl::host_space> m) { return m(0, 0); }

#ifdef SSL_FAIL
float first_of(ssl::matrix_view<float, ssl::device_space> m) { return first(m); }
#else
float first_of(ssl::matrix_view<float, ssl::host_space> m) { return first(m); }
#endif
