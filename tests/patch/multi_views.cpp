#include "ssl/patch/multi_views.hpp"

#include "patch/patches.hpp"
#include "ssl/augment/flip.hpp"
#include "ssl/augment/normalize.hpp"
#include "support/temporary_folder.hpp"

namespace ssl::test {

namespace {
multi_crop two_groups() {
  return multi_crop(8, {{.scale_min = 0.4, .views = 2}, {.scale_min = 0.1, .scale_max = 0.4, .views = 3}});
}
}  // namespace

TEST_CASE("patch/multi_views: each group's views are crops at its shape, with their number among all") {
  using B = backend<float>;
  const image_shape source{3, 8, 8}, large{3, 8, 8}, small{3, 4, 4};
  const auto colours = flip{} | normalize{};
  const multi_views views(two_groups(), colours, {large, small});
  CHECK(views.count() == 5);
  CHECK(views.groups() == 2);
  CHECK((views.group(0).first == 0 && views.group(0).count == 2 && views.group(0).target == large));
  CHECK((views.group(1).first == 2 && views.group(1).count == 3 && views.group(1).target == small));

  const auto bytes = formula_bytes(source, 3);
  workspace<B> work;
  auto ctx = work.ctx();
  const auto images = to_backend(work.backend(), bytes);
  for (const view_block b : {view_block{0, 2, large}, view_block{2, 3, small}, view_block{3, 1, small}}) {
    matrix<B> out(work.backend(), 3, b.target.pixels() * 3 * b.count);
    views.make(ctx, {9, 2}, {images.all().data, source.size(), 3, source.size()}, source, nullptr, b.first,
               b.count, out());
    CHECK(out.get() == patches<B>(bytes, source, two_groups(), b.target,
                                  {.key = {9, 2}, .first_view = b.first, .view_count = b.count}, colours));
  }
  matrix<B> out(work.backend(), 3, large.pixels() * 3 * 2);
  CHECK(message<option_error>([&] {
          views.make(ctx, {9, 2}, {images.all().data, source.size(), 3, source.size()}, source, nullptr, 1, 2,
                     out());
        }) == "ssl::multi_views: views [1, 3) are not of one group");
}

TEST_CASE("patch/multi_views: what does not fit is told in a sentence") {
  const auto make = [](const multi_crop& crops, std::vector<image_shape> shapes) {
    return [=] { multi_views(crops, normalize{}, shapes); };
  };
  CHECK(message<shape_error>(make(two_groups(), {{3, 8, 8}})) ==
        "ssl::multi_views: 1 target shapes for 2 groups of crops; each needs one");
  CHECK(message<shape_error>(make(two_groups(), {{3, 8, 8}, {1, 4, 4}})) ==
        "ssl::multi_views: views of 3 and of 1 channels; all must have the same");
  CHECK(message<option_error>(make(multi_crop(8, {{}, {.views = 0}}), {{3, 8, 8}, {3, 4, 4}})) ==
        "ssl::multi_views: group 1 has no views");
}

}  // namespace ssl::test
