#include "support/experiment.hpp"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <utility>

#include "support/contact_sheet.hpp"
#include "support/format.hpp"
#include "support/machine.hpp"
#include "support/report.hpp"
#include "support/run_record.hpp"

namespace ssl_example {

void add_options(CLI::App& app, experiment_options& o) {
  app.option_defaults()->always_capture_default();
  add_options(app, static_cast<data_options&>(o));
  app.add_option("--out", o.out, "folder for report, log, features and weights");
  app.add_option("--epochs", o.epochs, "passes over the training images")->check(between(1, 100000));
  app.add_option("--batch", o.batch, "images in a step")->check(between(2, 65536));
  app.add_option("--patches", o.patches, "patches of an image in a step")->check(between(2, 1024));
  app.add_option("--scale", o.scale, "share of the image's area that a patch shows")
      ->check(between(0.001, 1.0));
  app.add_option("--rate", o.rate, "peak learning rate")->check(at_least(0));
  app.add_option("--widths", o.widths, "channels of the encoder's blocks")
      ->delimiter(',')
      ->check(at_least(1));
  app.add_option("--projector", o.projector, "widths of the projector")->delimiter(',')->check(at_least(1));
  app.add_option("--eval-patches", o.eval_patches, "sizes of the bags to evaluate")
      ->delimiter(',')
      ->check(between(1, 4096));
  app.add_option("--train-images", o.train_images, "training images to use, the first of all; 0 for all")
      ->check(at_least(0));
  app.add_option("--test-images", o.test_images, "test images to use, the first of all; 0 for all")
      ->check(at_least(0));
  app.add_option("--eval-images", o.eval_images, "training images that the evaluation uses; 0 for all")
      ->check(at_least(0));
  app.add_option("--seed", o.seed, "of the data, the weights, the crops and the colours");
  app.add_option("--workers", o.workers,
                 "threads that read batches ahead; 0: the backend gathers its images itself")
      ->check(between(0, 256));
  add_backend_options(app, o.compute);
  app.add_flag("--profile", o.compute.profile, "time every operation of the training and show where it went");
  app.add_flag("--quiet", o.quiet, "no progress on stderr");
  app.final_callback([&app, &o] {
    o.program = app.get_name();
    o.started = utc_now();
    o.settings = option_values(app);
  });
}

ssl::run_options run_options_of(const experiment_options& o) {
  return {.batch = o.batch,
          .epochs = o.epochs,
          .seed = o.seed,
          .log_every = 20,
          .images = o.workers > 0 ? ssl::residence::stream : ssl::residence::automatic,
          .workers = o.workers};
}

ssl::any_split load_images(const experiment_options& o) {
  auto data = load_data(o);
  const auto shape = data.train.shape();
  if (shape.height != shape.width)
    throw ssl::data_error("--data " + o.data + ": the images are " + std::to_string(shape.height) + " x " +
                          std::to_string(shape.width) + " pixels, expected square ones");
  if (!data.bank().labelled() || !data.test.labelled())
    throw ssl::data_error("--data " + o.data + ": has no labels to judge embeddings by");
  if (o.train_images > 0 && o.train_images < data.train.size())
    data.train = data.train.subset(0, o.train_images);
  if (o.test_images > 0 && o.test_images < data.test.size()) data.test = data.test.subset(0, o.test_images);
  if (o.batch > data.train.size())
    throw ssl::option_error("--batch is " + std::to_string(o.batch) + ", expected at most the " +
                            std::to_string(data.train.size()) + " training images that there are");
  return data;
}

index bank_size(const ssl::any_split& data, const experiment_options& o) {
  return o.eval_images > 0 ? std::min<index>(o.eval_images, data.bank().size()) : data.bank().size();
}

std::vector<std::pair<std::string, double>> named_health(const ssl::health& h) {
  std::vector<std::pair<std::string, double>> values{{"feature_spread", h.feature_spread},
                                                     {"participation_ratio", h.participation_ratio},
                                                     {"effective_rank", h.effective_rank},
                                                     {"uniformity", h.uniformity},
                                                     {"length", h.length}};
  if (h.alignment) values.emplace_back("alignment", *h.alignment);
  return values;
}

std::string joined(const std::vector<ssl::collapse_sign>& signs) {
  std::string line;
  for (const auto& sign : signs) line += (line.empty() ? "" : "; ") + sign.text();
  return line;
}

namespace {

std::string cell(double fraction) { return fraction < 0 ? "" : percent(fraction); }

/// The results of one representation as a line over the number of patches.
series line(const std::vector<measurement>& results, const std::string& name, const std::string& label,
            double measurement::*what, bool dashed) {
  series s{.name = label, .dashed = dashed};
  for (const auto& m : results) {
    if (m.name != name || m.patches == 0) continue;
    s.x.push_back(m.patches);
    s.y.push_back(m.*what);
  }
  return s;
}

series level(const std::vector<measurement>& results, const std::string& name, const std::string& label,
             double measurement::*what, const series& like) {
  series s{.name = label, .dashed = true};
  for (const auto& m : results) {
    if (m.name != name || m.patches != 0 || like.x.empty()) continue;
    s.x = {like.x.front(), like.x.back()};
    s.y = {m.*what, m.*what};
  }
  return s;
}

void plot_accuracy(report& page, const std::vector<measurement>& results) {
  const auto knn = line(results, "trained", "embedding, kNN", &measurement::knn, false);
  if (knn.x.size() < 2) return;  // the table says it all
  std::vector<series> lines{knn,
                            line(results, "trained", "embedding, linear", &measurement::linear, false),
                            line(results, "trained", "projection, kNN", &measurement::knn_projection, false),
                            line(results, "untrained", "untrained, linear", &measurement::linear, true),
                            level(results, "raw pixels", "raw pixels, linear", &measurement::linear, knn),
                            level(results, "raw pixels", "raw pixels, kNN", &measurement::knn, knn)};
  std::erase_if(lines, [](const series& s) { return s.x.empty(); });
  page.line_plot("Accuracy against the number of patches averaged", "patches per image", "test accuracy",
                 lines, {.log_x = true, .percent = true});
}

void plot_losses(report& page, const std::vector<ssl::step_record>& log) {
  if (log.empty()) return;
  series rank{.name = "effective rank"}, participation{.name = "participation ratio"},
      spread{.name = "feature spread"}, alignment{.name = "alignment"}, uniformity{.name = "uniformity"};
  std::vector<series> terms;
  for (const auto& t : log.front().loss.terms) terms.push_back({.name = t.name});
  for (const auto& r : log) {
    const double step = static_cast<double>(r.step);
    for (std::size_t k = 0; k < terms.size(); ++k) {
      terms[k].x.push_back(step);
      terms[k].y.push_back(r.loss.terms[k].value);
    }
    const auto add = [&](series& to, double value) {
      to.x.push_back(step);
      to.y.push_back(value);
    };
    add(rank, r.projections.effective_rank);
    add(participation, r.projections.participation_ratio);
    add(spread, r.projections.feature_spread);
    add(uniformity, r.projections.uniformity);
    if (r.projections.alignment) add(alignment, *r.projections.alignment);
  }
  for (const auto& t : terms) page.line_plot("Loss term '" + t.name + "'", "step", "unweighted value", {t});
  page.line_plot("Effective rank (RankMe, epsilon 1e-7) and participation ratio of the projections", "step",
                 "directions", {rank, participation});
  page.line_plot("Feature spread of the projections", "step", "1 is healthy, 0 a collapse", {spread},
                 {.y_min = 0.0});
  std::vector<series> geometry{uniformity};
  if (!alignment.x.empty()) geometry.push_back(alignment);
  page.line_plot("Alignment of the views and uniformity of the projections", "step", "lower is better",
                 geometry);
}

/// A box of a byte image as RGB: the first three channels, or the first as grey where there are fewer. Large
/// images lose pixels, so that a page of them stays small.
rgb_image picture(std::span<const std::uint8_t> bytes, ssl::image_shape shape, ssl::box where) {
  const auto pixel = [](float place, index side) {
    return static_cast<index>(std::lround(place * static_cast<float>(side)));
  };
  const index left = pixel(where.x, shape.width), right = pixel(where.x + where.width, shape.width),
              top = pixel(where.y, shape.height), bottom = pixel(where.y + where.height, shape.height);
  const index step = (std::max(shape.width, shape.height) + 95) / 96;
  rgb_image out{.width = static_cast<int>((right - left + step - 1) / step),
                .height = static_cast<int>((bottom - top + step - 1) / step)};
  for (index y = top; y < bottom; y += step)
    for (index x = left; x < right; x += step)
      for (index c = 0; c < 3; ++c)
        out.data.push_back(bytes[static_cast<std::size_t>((y * shape.width + x) * shape.channels +
                                                          (shape.channels < 3 ? 0 : c))]);
  return enlarge(out, shape.width > 48 ? 1 : 2);
}

void show_patches(report& page, const ssl::any_split& data, const std::vector<std::vector<ssl::box>>& boxes) {
  if (boxes.empty()) return;
  std::vector<rgb_image> sheet;
  std::vector<std::string> rows;
  const ssl::image_shape shape = data.train.shape();
  std::vector<std::uint8_t> bytes(static_cast<std::size_t>(shape.size()));
  for (const auto& of_image : boxes) {
    const auto i = static_cast<index>(rows.size());
    data.train.read(i, bytes);
    sheet.push_back(picture(bytes, shape, {}));
    for (const ssl::box& b : of_image) sheet.push_back(picture(bytes, shape, b));
    const int label = data.train.label(i);
    rows.push_back(label < 0                  ? "image " + std::to_string(i)
                   : data.class_names.empty() ? "class " + std::to_string(label)
                                              : data.class_names[static_cast<std::size_t>(label)]);
  }
  page.contact_sheet("Training images and patches of each", sheet, static_cast<int>(boxes.front().size()) + 1,
                     rows);
}

}  // namespace

void write_record(const run_summary& s, const experiment_options& o, const output_dir& out) {
  run_record record{.kind = "training",
                    .program = o.program,
                    .title = s.title,
                    .options = o.settings,
                    .seeds = {o.seed},
                    .version = library_version(),
                    .backend = std::string(backend_name()) + ": " + s.computes_with,
                    .compiler = compiler_text(),
                    .machine = machine_text(),
                    .started = o.started,
                    .seconds = s.seconds,
                    .patches_per_second = s.patches_per_second,
                    .parameters = s.parameters,
                    .stopped = s.stopped,
                    .classes = s.classes,
                    .warnings = s.warnings};
  std::erase_if(record.options, [](const auto& option) { return option.first == "seed"; });
  for (const measurement& m : s.results) {
    result_row& row = record.results.emplace_back();
    row.where = {{"representation", m.name}};
    if (m.name != "raw pixels")
      row.where.emplace_back("patches", m.patches == 0 ? "whole image" : std::to_string(m.patches));
    const auto add = [&](const char* name, double value) {
      if (value >= 0) row.measures.emplace_back(name, value);
    };
    add("knn", m.knn);
    add("linear", m.linear);
    add("knn_projection", m.knn_projection);
    add("linear_projection", m.linear_projection);
  }
  out.write("run.json", to_json(record));
}

void write_report(const run_summary& s, const experiment_options& o, const ssl::any_split& data,
                  const output_dir& out) {
  report page(s.title);
  page.paragraph(s.explanation);
  if (!s.stopped.empty()) page.notice("The run ended early: " + s.stopped + ".");
  for (const std::string& warning : s.warnings) page.notice("Warning at " + warning + ".");

  const measurement* top = nullptr;
  const measurement* raw = nullptr;
  for (const auto& m : s.results) {
    if (m.name == "trained" && (!top || m.patches > top->patches)) top = &m;
    if (m.name == "raw pixels") raw = &m;
  }
  std::vector<key_number> numbers;
  if (top) {
    const std::string bag = top->patches == 0   ? "of the whole image"
                            : top->patches == 1 ? "of one patch"
                                                : "mean of " + std::to_string(top->patches) + " patches";
    numbers.push_back({"linear accuracy", percent(top->linear), bag});
    numbers.push_back({"kNN accuracy", percent(top->knn), bag});
  }
  if (raw) numbers.push_back({"raw pixels", percent(raw->linear), "linear; kNN " + percent(raw->knn)});
  numbers.push_back({"training", duration(s.training_seconds), count(s.patches_per_second) + " patches/s"});
  page.key_numbers(numbers);

  plot_accuracy(page, s.results);
  std::vector<std::vector<std::string>> rows;
  for (const auto& m : s.results)
    rows.push_back({m.name,
                    m.name == "raw pixels" ? ""
                    : m.patches == 0       ? "whole image"
                                           : std::to_string(m.patches),
                    cell(m.knn), cell(m.linear), cell(m.knn_projection), cell(m.linear_projection)});
  page.table({"representation", "patches", "kNN, h", "linear, h", "kNN, z", "linear, z"}, rows,
             "Test accuracy of embeddings h and projections z. kNN: cosine, k = 20, temperature 0.07. "
             "Linear: ridge regression on standardised "
             "features.",
             {best::none, best::none, best::highest, best::highest, best::highest, best::highest});
  show_patches(page, data, s.boxes);
  page.heading("Training");
  plot_losses(page, s.log);

  if (!s.profile.rows.empty()) report_profile(page, s.profile);

  const auto list = [](const auto& values) {
    std::string text;
    for (const auto v : values) text += (text.empty() ? "" : "-") + std::to_string(v);
    return text;
  };
  page.heading("Configuration");
  page.key_values({{"data", o.data},
                   {"images", std::to_string(data.train.size()) + " training, " +
                                  std::to_string(data.test.size()) + " test"},
                   {"epochs, batch, patches", std::to_string(o.epochs) + ", " + std::to_string(o.batch) +
                                                  ", " + std::to_string(o.patches)},
                   {"patch", std::to_string(s.patch_side) + " x " + std::to_string(s.patch_side) + " pixels"},
                   {"encoder", list(o.widths)},
                   {"projector", list(o.projector)},
                   {"parameters", count(static_cast<double>(s.parameters))},
                   {"peak rate", fixed(o.rate)},
                   {"seed", std::to_string(o.seed)},
                   {"backend", std::string(backend_name()) + ": " + s.computes_with},
                   {"version", std::to_string(SSL_VERSION_MAJOR) + "." + std::to_string(SSL_VERSION_MINOR) +
                                   "." + std::to_string(SSL_VERSION_PATCH)},
                   {"compiler", compiler_text()},
                   {"machine", machine_text()},
                   {"started", o.started},
                   {"wall time", duration(s.seconds)}});
  page.write(out / "report.html");
}

std::string describe(const ssl::any_split& data, const experiment_options& o) {
  const auto shape = data.train.shape();
  return std::to_string(data.train.size()) + " training and " + std::to_string(data.test.size()) + " test " +
         describe_source(o.data) + ", " + std::to_string(shape.height) + " x " + std::to_string(shape.width) +
         " pixels, " + std::to_string(data.bank().classes()) + " classes. No label is used in training.";
}

void print_results(const std::vector<measurement>& results) {
  std::printf("%-12s %8s  %9s %9s  %9s %9s\n", "", "patches", "kNN h", "linear h", "kNN z", "linear z");
  for (const auto& m : results)
    std::printf("%-12s %8s  %9s %9s  %9s %9s\n", m.name.c_str(),
                m.name == "raw pixels" ? ""
                : m.patches == 0       ? "whole"
                                       : std::to_string(m.patches).c_str(),
                cell(m.knn).c_str(), cell(m.linear).c_str(), cell(m.knn_projection).c_str(),
                cell(m.linear_projection).c_str());
}

}  // namespace ssl_example
