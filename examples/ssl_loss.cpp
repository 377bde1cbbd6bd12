// Evaluates a loss and its gradient on embeddings from a file.
//
//     ssl_loss --loss vicreg --views z.npy --grad-out dz.npy
//     {"loss":"vicreg","value":13.66,"terms":{"inv":0.19,"var":0.25,"cov":2.55},"views":2,...}
//
// z.npy holds (views, samples, features) in C order, float32 or float64, and the gradient has its shape.
// Terms are unweighted. A mistake gives one sentence on stderr, exit code 2 and no output file.

#include <iostream>
#include <nlohmann/json.hpp>

#include "ssl/data/npy.hpp"
#include "support/cli.hpp"
#include "tools/registry.hpp"

namespace {

using ssl::index;

struct options {
  std::string loss, views, targets, directions, dtype, side = "auto", gradient;
  std::vector<std::string> set;
  bool list = false;
};

/// (views, samples, features) of floats, finite, not too few.
ssl::npy_array read_views(const options& o, const ssl_example::loss_entry& entry) {
  ssl::npy_array z = ssl::read_npy(o.views);
  if (z.dtype.kind != 'f')
    throw ssl::data_error(o.views + ": has the dtype " + z.dtype.name() + ", expected f4 or f8");
  ssl::require_rank(z, 3, "(views, samples, features)");
  const auto least = [&](int axis, const char* what, index count) {
    const index found = z.shape[static_cast<std::size_t>(axis)];
    if (found < count)
      throw ssl::data_error(o.views + ": has shape " + ssl::npy_shape_text(z.shape) + ", " +
                            std::to_string(found) + " " + what + ", expected at least " +
                            std::to_string(count));
  };
  least(0, "views", entry.least_views);
  least(1, "samples", 2);
  least(2, "features", 1);
  ssl::require_finite(z);
  return z;
}

template <class T>
nlohmann::ordered_json evaluate(const options& o, const ssl_example::loss_entry& entry,
                                const ssl_example::settings& settings, const ssl::npy_array& file) {
  const index views = file.shape[0], samples = file.shape[1], features = file.shape[2];
  const bool by_samples = o.side == "samples" || (o.side == "auto" && samples < features);
  const std::vector<T> z = file.as<T>();  // (features, views * samples)
  std::vector<T> dz(z.size());

  ssl::workspace<ssl::eigen_backend<T>> work;
  auto ctx = work.ctx();
  const auto columns = views * samples;
  const ssl::loss_report report = entry.evaluate(
      settings, ssl_example::loss_call<T>{
                    ctx,
                    {ssl::make_view<ssl::host_space, const T>(z.data(), features, columns), views},
                    ssl::make_view(dz.data(), features, columns),
                    by_samples ? ssl::gram_side::samples : ssl::gram_side::features});

  nlohmann::ordered_json terms;
  bool finite = std::isfinite(report.total);
  for (const ssl::term_value& term : report.terms) terms[term.name] = term.value;
  for (const T g : dz) finite = finite && std::isfinite(g);
  if (!finite)
    throw ssl::numeric_error(o.views + ": " + entry.name + " or its gradient is not finite in " + o.dtype +
                             ", expected smaller numbers or other parameters");
  if (!o.gradient.empty()) ssl::write_npy(o.gradient, file.shape, dz);
  return {{"loss", entry.name},
          {"value", report.total},
          {"terms", terms},
          {"views", views},
          {"samples", samples},
          {"features", features},
          {"side", by_samples ? "samples" : "features"}};
}

int run(options o) {
  const auto all = ssl_example::known_losses();
  if (o.list) {
    std::cout << describe(all);
    return 0;
  }
  const ssl_example::loss_entry& entry = find_loss(all, o.loss);
  ssl_example::settings settings(entry.parameters);
  for (const std::string& assignment : o.set) settings.set(entry.name, assignment);
  for (const auto& [option, file] :
       {std::pair{"--targets", o.targets}, std::pair{"--directions", o.directions}})
    if (!file.empty())
      throw ssl::option_error(std::string(option) + " " + file + ": the loss " + entry.name +
                              " uses none, expected " + option + " to be left out");
  if (o.views.empty()) throw ssl::option_error("--views is missing, expected a .npy file");

  const ssl::npy_array file = read_views(o, entry);
  if (o.dtype.empty()) o.dtype = file.dtype.bytes == 4 ? "f32" : "f64";
  const auto result = o.dtype == "f32" ? evaluate<float>(o, entry, settings, file)
                                       : evaluate<double>(o, entry, settings, file);
  std::cout << result.dump() << std::endl;
  if (!std::cout) throw ssl::data_error("standard output: cannot be written");
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  options o;
  CLI::App app("Evaluates a loss and its gradient on embeddings from a .npy file.");
  app.add_option("--loss", o.loss, "name of the loss, see --list");
  app.add_option("--views", o.views, "embeddings (views, samples, features), float32 or float64");
  app.add_option("--targets", o.targets, "views of a delayed network, for losses that use them");
  app.add_option("--directions", o.directions, "random directions, for losses that use them");
  app.add_option("--set", o.set, "parameters of the loss, see --list")->type_name("KEY=VALUE ...");
  app.add_option("--dtype", o.dtype, "scalar of the computation, that of the file by default")
      ->check(CLI::IsMember({"f32", "f64"}));
  app.add_option("--side", o.side, "side of the second moments, the cheaper one by default")
      ->check(CLI::IsMember({"auto", "features", "samples"}));
  app.add_option("--grad-out", o.gradient, "where to write the gradient, a .npy file of the views' shape");
  app.add_flag("--list", o.list, "prints every loss with its formula, parameters and source");
  return ssl_example::run(app, argc, argv, [&] { return run(o); });
}
