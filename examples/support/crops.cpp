#include "support/crops.hpp"

#include <algorithm>

namespace ssl_example {

void add_crop_options(CLI::App& app, crop_options& o) {
  add_options(app, o);
  app.remove_option(app.get_option("--scale"));
  app.remove_option(app.get_option("--patches"));
  app.remove_option(app.get_option("--eval-patches"));
  app.add_option("--views", o.patches, "crops of an image in a step")->check(between(2, 1024));
  app.add_option("--min-scale", o.smallest, "least share of the image's area in a crop")
      ->check(between(0.01, 1));
  app.add_option("--eval-crops", o.eval_patches, "numbers of crops whose embeddings are averaged in the end")
      ->delimiter(',')
      ->check(between(1, 4096));
}

crop_task::crop_task(const crop_options& options)
    : options_(options),
      be_(make_backend(options_.compute)),
      data_(load_images(options_)),
      image_(data_.train.shape()),
      bank_(bank_size(data_, options_)),
      steps_(data_.train.size() / options_.batch * options_.epochs) {}

void crop_task::evaluate(ssl::context<backend> ctx, const std::string& name,
                         ssl::network<encoder_arch, backend>& encoder,
                         ssl::network<projector_arch, backend>& projector, run_summary& summary,
                         const output_dir* keep) const {
  const auto colours = ssl::cifar_normalize();
  summary.results.push_back(measure_whole(ctx, name, encoder, projector, data_, bank_, colours, keep));
  if (!keep || interrupted()) return;
  auto sampler = crops();
  sampler.views = {*std::max_element(options_.eval_patches.begin(), options_.eval_patches.end())};
  const ssl::patch_views views(sampler, colours, image_);
  for (auto& m : measure_bags(ctx, name, encoder, projector, views, data_, bank_, options_.eval_patches))
    summary.results.push_back(m);
}

}  // namespace ssl_example
