// Evaluates a loss and its gradient on embeddings from a file.
//
//     ssl_loss --loss vicreg --views z.npy --grad-out dz.npy
//     {"loss":"vicreg","value":13.66,"terms":{"inv":0.19,"var":0.25,"cov":2.55},"views":2,...}
//
// z.npy holds (views, samples, features) in C order, float32 or float64, and the gradient has its shape.
// Some losses take more: targets like the views, directions (samples, features), a queue or prototypes
// (count, features); --list says which. Terms are unweighted. A mistake gives one sentence on stderr, exit
// code 2 and no output file.

#include <iostream>
#include <nlohmann/json.hpp>

#include "ssl/core/finite.hpp"
#include "ssl/data/npy.hpp"
#include "support/cli.hpp"
#include "tools/registry.hpp"

namespace {

using ssl::index;
using ssl_example::wants;

struct options {
  std::string loss, views, targets, directions, queue, prototypes, dtype, side = "auto", gradient;
  std::vector<std::string> set;
  bool list = false;
};

/// One of the inputs beside the views.
struct extra {
  const char* option;
  const std::string& file;
  wants how;
};

struct files {
  ssl::npy_array views{}, targets{}, directions{}, queue{}, prototypes{};  // without a path where not given
};

ssl::npy_array read_floats(const std::string& path, index axes, const char* meaning) {
  ssl::npy_array a = ssl::read_npy(path);
  if (a.dtype.kind != 'f')
    throw ssl::data_error(path + ": has the dtype " + a.dtype.name() + ", expected f4 or f8");
  ssl::require_rank(a, axes, meaning);
  return a;
}

/// (views, samples, features) of floats, finite, not too few.
ssl::npy_array read_views(const options& o, const ssl_example::loss_entry& entry) {
  ssl::npy_array z = read_floats(o.views, 3, "(views, samples, features)");
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

/// Refuses what the loss does not use and what it misses.
void check_extras(const options& o, const ssl_example::loss_entry& entry) {
  const auto& in = entry.inputs;
  for (const extra& e :
       {extra{"--targets", o.targets, in.targets}, extra{"--directions", o.directions, in.directions},
        extra{"--queue", o.queue, in.queue}, extra{"--prototypes", o.prototypes, in.prototypes}}) {
    if (!e.file.empty() && e.how == wants::nothing)
      throw ssl::option_error(std::string(e.option) + " " + e.file + ": the loss " + entry.name +
                              " uses none, expected " + e.option + " to be left out");
    if (e.file.empty() && e.how == wants::must)
      throw ssl::option_error(std::string(e.option) + " is missing, the loss " + entry.name +
                              " needs it, expected a .npy file");
  }
}

/// What is given beside the views, each in the shape that the views call for.
files read_files(const options& o, const ssl_example::loss_entry& entry) {
  files f{.views = read_views(o, entry)};
  const index samples = f.views.shape[1], features = f.views.shape[2];
  const auto same = [&](const ssl::npy_array& a, const std::vector<index>& shape) {
    if (a.shape != shape)
      throw ssl::data_error(a.path + ": has shape " + ssl::npy_shape_text(a.shape) + ", expected " +
                            ssl::npy_shape_text(shape) + " for views of shape " +
                            ssl::npy_shape_text(f.views.shape));
    ssl::require_finite(a);
  };
  if (!o.targets.empty()) {
    f.targets = read_floats(o.targets, 3, "(views, samples, features)");
    same(f.targets, f.views.shape);
  }
  if (!o.directions.empty()) {
    f.directions = read_floats(o.directions, 2, "(samples, features)");
    same(f.directions, {samples, features});
  }
  for (const auto& [path, array] : {std::pair{o.queue, &f.queue}, std::pair{o.prototypes, &f.prototypes}})
    if (!path.empty()) {
      *array = read_floats(path, 2, "(count, features)");
      if (array->shape[0] < 1)
        throw ssl::data_error(path + ": has shape " + ssl::npy_shape_text(array->shape) +
                              ", expected at least one row");
      same(*array, {array->shape[0], features});
    }
  return f;
}

template <class T>
nlohmann::ordered_json evaluate(const options& o, const ssl_example::loss_entry& entry,
                                const ssl_example::settings& settings, const files& f) {
  const index views = f.views.shape[0], samples = f.views.shape[1], features = f.views.shape[2];
  const bool by_samples = o.side == "samples" || (o.side == "auto" && samples < features);
  const auto numbers = [](const ssl::npy_array& a) { return a.path.empty() ? std::vector<T>{} : a.as<T>(); };
  const std::vector<T> z = numbers(f.views), targets = numbers(f.targets), directions = numbers(f.directions),
                       queue = numbers(f.queue), prototypes = numbers(f.prototypes);
  std::vector<T> dz(z.size());
  const auto columns = [&](const std::vector<T>& a) {  // (features, count), or empty
    return a.empty() ? ssl::cview<ssl::eigen_backend<T>>{}
                     : ssl::make_view<ssl::host_space, const T>(a.data(), features,
                                                                static_cast<index>(a.size()) / features);
  };

  ssl::workspace<ssl::eigen_backend<T>> work;
  auto ctx = work.ctx();
  const ssl::loss_report report = entry.evaluate(
      settings, ssl_example::loss_call<T>{
                    .ctx = ctx,
                    .batch = {.z = columns(z),
                              .views = views,
                              .targets = columns(targets),
                              .directions = columns(directions),
                              .side = by_samples ? ssl::gram_side::samples : ssl::gram_side::features},
                    .dz = ssl::make_view(dz.data(), features, views * samples),
                    .queue = columns(queue),
                    .prototypes = columns(prototypes)});

  nlohmann::ordered_json terms;
  bool finite = ssl::is_finite(report.total);
  for (const ssl::term_value& term : report.terms) terms[term.name] = term.value;
  for (const T g : dz) finite = finite && ssl::is_finite(g);
  if (!finite)
    throw ssl::numeric_error(o.views + ": " + entry.name + " or its gradient is not finite in " + o.dtype +
                             ", expected smaller numbers or other parameters");
  if (!o.gradient.empty()) ssl::write_npy(o.gradient, f.views.shape, dz);
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
  check_extras(o, entry);
  if (o.views.empty()) throw ssl::option_error("--views is missing, expected a .npy file");

  const files f = read_files(o, entry);
  if (o.dtype.empty()) o.dtype = f.views.dtype.bytes == 4 ? "f32" : "f64";
  const auto result =
      o.dtype == "f32" ? evaluate<float>(o, entry, settings, f) : evaluate<double>(o, entry, settings, f);
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
  app.add_option("--targets", o.targets, "the views through a delayed network, shaped like them");
  app.add_option("--directions", o.directions, "random directions (samples, features)");
  app.add_option("--queue", o.queue, "remembered embeddings (count, features)");
  app.add_option("--prototypes", o.prototypes, "prototypes (count, features)");
  app.add_option("--set", o.set, "parameters of the loss, see --list")->type_name("KEY=VALUE ...");
  app.add_option("--dtype", o.dtype, "scalar of the computation, that of the file by default")
      ->check(CLI::IsMember({"f32", "f64"}));
  app.add_option("--side", o.side, "side of the second moments, the cheaper one by default")
      ->check(CLI::IsMember({"auto", "features", "samples"}));
  app.add_option("--grad-out", o.gradient, "where to write the gradient, a .npy file of the views' shape");
  app.add_flag("--list", o.list, "prints every loss with its formula, parameters, inputs and source");
  return ssl_example::run(app, argc, argv, [&] { return run(o); });
}
