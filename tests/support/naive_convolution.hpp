#pragma once
/// A convolution and its gradients by their definition, in double: the reference of every fast form.

#include <vector>

#include "ssl/core/conv_geometry.hpp"

namespace ssl::test {

/// term(y, w, x) for every product y += w x of the definition; the arguments are places in (out, pixels n),
/// (out, patch) and (channels, pixels n).
template <class Term>
void for_each_product(const conv_geometry& g, index images, const Term& term) {
  for (index m = 0; m < images; ++m)
    for (index oy = 0; oy < g.out_height(); ++oy)
      for (index ox = 0; ox < g.out_width(); ++ox)
        for (index ky = 0; ky < g.kernel; ++ky)
          for (index kx = 0; kx < g.kernel; ++kx) {
            const index row = oy * g.stride - g.padding + ky, col = ox * g.stride - g.padding + kx;
            if (row < 0 || row >= g.in.height || col < 0 || col >= g.in.width) continue;
            const index y = ((m * g.out_height() + oy) * g.out_width() + ox) * g.out_channels;
            const index x = ((m * g.in.height + row) * g.in.width + col) * g.in.channels;
            for (index c = 0; c < g.in.channels; ++c)
              for (index o = 0; o < g.out_channels; ++o)
                term(
                    static_cast<std::size_t>(y + o),
                    static_cast<std::size_t>(o + ((ky * g.kernel + kx) * g.in.channels + c) * g.out_channels),
                    static_cast<std::size_t>(x + c));
          }
}

struct convolution_results {
  std::vector<double> y, dx, dw;
};

/// y, dx and dw, all from zero.
template <class T>
convolution_results naive_convolution(const conv_geometry& g, index images, const std::vector<T>& x,
                                      const std::vector<T>& w, const std::vector<T>& dy) {
  convolution_results r{std::vector<double>(dy.size()), std::vector<double>(x.size()),
                        std::vector<double>(w.size())};
  for_each_product(g, images, [&](std::size_t i, std::size_t k, std::size_t j) {
    const double at_w = static_cast<double>(w[k]), at_x = static_cast<double>(x[j]),
                 at_dy = static_cast<double>(dy[i]);
    r.y[i] += at_w * at_x;
    r.dx[j] += at_w * at_dy;
    r.dw[k] += at_dy * at_x;
  });
  return r;
}

}  // namespace ssl::test
