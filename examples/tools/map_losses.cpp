// Losses of feature maps.

#include "ssl/loss/matched.hpp"
#include "tools/registry.hpp"

namespace ssl_example {

std::vector<loss_entry> map_losses() {
  using namespace ssl;
  return {
      library_loss(
          {.name = "vicregl_local",
           .formula = "vicregl of every position and its nearest by features in the other view's map; "
                      "--views holds images x positions samples",
           .source = "arXiv 2210.01571, facebookresearch/VICRegL",
           .least_views = 2,
           .parameters = {{"positions", 1, 1, false, true},
                          {"forth", 0, 0, false, true},
                          {"back", 0, 0, false, true}}},
          [](const settings& s) {
            const auto whole = [&](const char* name) { return static_cast<ssl::index>(s[name]); };
            return matched(ssl::vicreg_vicregl(), whole("positions"), nearness::features, whole("forth"),
                           whole("back"));
          }),
  };
}

}  // namespace ssl_example
