// build error: sampler\.views\(\)

#include "ssl/patch/sampler.hpp"

struct whole_image {
#ifndef SSL_FAIL
  SSL_FN ssl::index views() const { return 1; }
#endif
  SSL_FN ssl::box operator()(ssl::rng_key, ssl::index, ssl::index) const { return {}; }
};

template <ssl::PatchSampler S>
ssl::index patches(S sampler, ssl::index images) {
  return sampler.views() * images;
}

ssl::index count = patches(whole_image{}, 8);
