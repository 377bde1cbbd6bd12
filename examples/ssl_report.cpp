// One page that compares runs: what differs between them, results side by side, curves, maps of their
// features.
//
//     ssl_report out/vicreg out/byol --out comparison.html
//
// A run is the folder that an example trainer or an experiment left: run.json and what lies beside it. Runs
// that differ in the seed only are summed up with an interval. A mistake gives one sentence on stderr and
// exit code 2.

#include <cstdio>

#include "ssl/core/error.hpp"
#include "support/cli.hpp"
#include "support/comparison.hpp"

namespace ex = ssl_example;

int main(int argc, char** argv) {
  CLI::App app("Compares runs of the example trainers and experiments on one page.");
  std::vector<std::string> folders;
  std::string out = "comparison.html", title;
  app.add_option("RUN", folders, "folders of runs")->required();
  app.add_option("--out", out, "the page to write")->capture_default_str();
  app.add_option("--title", title, "of the page");
  return ex::run(app, argc, argv, [&] {
    std::vector<ex::run_folder> runs;
    for (const std::string& folder : folders) {
      for (const ex::run_folder& known : runs)
        if (std::filesystem::exists(folder) && std::filesystem::equivalent(known.path, folder))
          throw ssl::option_error(folder + ": this run is named twice");
      runs.push_back(ex::read_run_folder(folder));
    }
    ex::compare(runs, title).write(out);
    std::printf("report: %s\n", out.c_str());
    return 0;
  });
}
