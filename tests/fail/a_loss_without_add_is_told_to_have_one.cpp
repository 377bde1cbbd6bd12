// build error: ssl: a loss term has `add\(ctx, weight, z, value, dz\) const`

#include <string_view>

#include "ssl/backend/eigen.hpp"
#include "ssl/loss/loss.hpp"

using backend = ssl::eigen_backend<float>;
using context = ssl::context<backend>;

struct my_loss {
  using kind = ssl::loss_kind;
  static constexpr std::string_view name = "mine";
#ifndef SSL_FAIL
  template <class Ctx>
  void add(Ctx&, double, ssl::view_batch<backend>, ssl::accumulator_view<backend>, ssl::view<backend>) const {
  }
#endif
};

static_assert(ssl::check_loss<my_loss, context>());
