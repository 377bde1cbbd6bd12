// build error: (no match for|invalid operands)

#include "ssl/loss/algebra.hpp"

struct my_loss {
#ifndef SSL_FAIL
  using kind = ssl::loss_kind;
#endif
};

using ssl::operator*;
constexpr auto weighted = 25 * my_loss{};
