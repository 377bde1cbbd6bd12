// build error: ssl: a Backend has `map_reduce\(out, fold, f, in\.\.\.\)`

#include "ssl/backend/eigen.hpp"

// A backend by inheritance, of which one verb is made unusable.
struct half_backend : ssl::eigen_backend<float> {
#ifdef SSL_FAIL
  void map_reduce() = delete;  // hides the inherited verb
#endif
};

static_assert(ssl::check_backend<half_backend>());
