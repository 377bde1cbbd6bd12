// Reading image files: from the disk's cache to bytes of one size. One JSON object a line:
//     bench_load THREADS SECONDS make DIR WIDTH HEIGHT COUNT     writes JPEG files as large, in bytes a
//     pixel, as photographs bench_load THREADS SECONDS read DIR SIDE whole|reduced     all files below DIR;
//     SIDE 0: as they are, all of one size;
//                                                                reduced: at a half, a quarter, an eighth
//                                                                where that will do
// bench/compare-load runs it in alternation with PIL and torchvision.
#include <cstdio>

#include <jpeglib.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdint>
#include <cstdlib>
#include <ctime>
#include <filesystem>
#include <string>
#include <vector>

#include "ssl/data/image_folder.hpp"

namespace {

using ssl::index;

/// A picture of smooth shades and fine grain, at quality 85 and with half the colours, as cameras write them.
std::vector<std::uint8_t> photograph(index width, index height, index number) {
  std::vector<std::uint8_t> row(static_cast<std::size_t>(3 * width));
  jpeg_compress_struct c{};
  jpeg_error_mgr errors{};
  c.err = jpeg_std_error(&errors);
  jpeg_create_compress(&c);
  unsigned char* memory = nullptr;
  unsigned long size = 0;
  jpeg_mem_dest(&c, &memory, &size);
  c.image_width = static_cast<JDIMENSION>(width);
  c.image_height = static_cast<JDIMENSION>(height);
  c.input_components = 3;
  c.in_color_space = JCS_RGB;
  jpeg_set_defaults(&c);
  jpeg_set_quality(&c, 85, TRUE);
  jpeg_start_compress(&c, TRUE);
  std::uint32_t state = static_cast<std::uint32_t>(number) * 2654435761u + 1;
  for (index y = 0; y < height; ++y) {
    for (index x = 0; x < width; ++x) {
      state = state * 1664525u + 1013904223u;
      const double grain = 24 * (static_cast<double>(state >> 8) / (1 << 24) - 0.5),
                   u = static_cast<double>(x + 7 * number), v = static_cast<double>(y);
      for (int k = 0; k < 3; ++k) {
        const double shade = 128 + 60 * std::sin(0.011 * u + k) +
                             40 * std::sin(0.07 * v - 0.05 * u + static_cast<double>(number)) +
                             12 * std::sin(0.9 * u) * std::sin(0.7 * v) + grain;
        row[static_cast<std::size_t>(3 * x + k)] = static_cast<std::uint8_t>(std::clamp(shade, 0.0, 255.0));
      }
    }
    JSAMPROW line = row.data();
    jpeg_write_scanlines(&c, &line, 1);
  }
  jpeg_finish_compress(&c);
  jpeg_destroy_compress(&c);
  std::vector<std::uint8_t> file(memory, memory + size);
  std::free(memory);
  return file;
}

double processor_seconds() { return static_cast<double>(std::clock()) / CLOCKS_PER_SEC; }

int make(const std::filesystem::path& folder, index width, index height, index count) {
  std::filesystem::create_directories(folder);
  std::size_t bytes = 0;
  for (index k = 0; k < count; ++k) {
    const auto file = photograph(width, height, k);
    bytes += file.size();
    ssl::write_file(folder / (std::to_string(k) + ".jpg"), file);
  }
  std::printf("{\"bench\": \"files\", \"images\": %td, \"bytes_image\": %zu}\n",
              static_cast<std::ptrdiff_t>(count), bytes / static_cast<std::size_t>(count));
  return 0;
}

int read(const std::filesystem::path& folder, index side, bool reduced, int threads, double seconds) {
  ssl::labelled_files files;
  files.class_names = {"image"};
  for (const auto& entry : std::filesystem::recursive_directory_iterator(folder))
    if (entry.is_regular_file()) files.paths.push_back(entry.path().string());
  std::sort(files.paths.begin(), files.paths.end());
  if (files.paths.size() > 2000) files.paths.resize(2000);
  files.labels.resize(files.paths.size(), 0);
  const ssl::image_dataset data(std::move(files), {.side = side, .reduced = reduced});
  const auto pass = [&] {
    ssl::detail::for_each_file(data.size(), threads, [&](index i) {
      thread_local std::vector<std::uint8_t> image;
      image.resize(static_cast<std::size_t>(data.shape().size()));
      data.read(i, image);
    });
  };
  pass();
  std::vector<double> wall, processor;
  double total = 0;
  while (wall.size() < 3 || total < seconds) {
    const auto start = std::chrono::steady_clock::now();
    const double used = processor_seconds();
    pass();
    processor.push_back(processor_seconds() - used);
    wall.push_back(std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count());
    total += wall.back();
  }
  const auto median = [](std::vector<double>& v) {
    std::nth_element(v.begin(), v.begin() + static_cast<std::ptrdiff_t>(v.size() / 2), v.end());
    return v[v.size() / 2];
  };
  const double n = static_cast<double>(data.size()), took = median(wall);
  std::printf(
      "{\"bench\": \"load\", \"threads\": %d, \"side\": %td, \"reduced\": %s, \"images\": %td, \"images_s\": "
      "%.0f, "
      "\"us_image\": %.2f, \"processor_us_image\": %.2f}\n",
      threads, static_cast<std::ptrdiff_t>(side), reduced ? "true" : "false",
      static_cast<std::ptrdiff_t>(data.size()), n / took, 1e6 * took / n, 1e6 * median(processor) / n);
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  const std::vector<std::string> words(argv + 1, argv + argc);
  try {
    if (words.size() == 7 && words[2] == "make")
      return make(words[3], std::atol(words[4].c_str()), std::atol(words[5].c_str()),
                  std::atol(words[6].c_str()));
    if (words.size() == 6 && words[2] == "read")
      return read(words[3], std::atol(words[4].c_str()), words[5] == "reduced", std::atoi(words[0].c_str()),
                  std::atof(words[1].c_str()));
    std::fprintf(stderr,
                 "bench_load THREADS SECONDS make DIR WIDTH HEIGHT COUNT | read DIR SIDE whole|reduced\n");
  } catch (const ssl::error& e) {
    std::fprintf(stderr, "bench_load: %s\n", e.what());
  }
  return 1;
}
