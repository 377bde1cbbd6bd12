#pragma once
// SPDX-License-Identifier: MIT

/// PNG files (ISO/IEC 15948) by libpng. Include it by name and link the target bagssl::image.

#include <png.h>

#include <algorithm>
#include <array>
#include <csetjmp>
#include <cstdint>
#include <cstdio>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "ssl/core/config.hpp"
#include "ssl/core/error.hpp"
#include "ssl/core/shape.hpp"
#include "ssl/data/pixel.hpp"

namespace ssl {

/// One PNG file: its header is read on construction, its pixels by `read`, once.
///
/// Every kind of PNG: grey, colour and palette of 1 to 16 bits, interlaced or not. 16 bits are rounded to 8.
/// An alpha channel is dropped, not blended with a background, as PIL's convert("RGB") and torchvision do.
/// Gamma and colour profiles are left alone. Grey gives three equal channels where three are asked for;
/// colour gives its luma where one is.
///
/// A file that libpng cannot decode to its end is a broken one: data_error in a sentence that begins with
/// `name`. The file's bytes have to live as long as this.
class png_reader {
 public:
  /// `channels` of the pixels to come: 1 or 3.
  png_reader(std::span<const std::uint8_t> file, std::string name, index channels)
      : file_(file), name_(std::move(name)), channels_(channels) {
    if (!start()) {
      const std::string what = sentence();
      png_destroy_read_struct(&png_, &info_, nullptr);
      throw data_error(what);
    }
  }
  png_reader(const png_reader&) = delete;
  png_reader& operator=(const png_reader&) = delete;
  ~png_reader() { png_destroy_read_struct(&png_, &info_, nullptr); }

  /// Of what `read` writes.
  image_shape shape() const { return {channels_, height_, width_}; }
  image_shape whole() const { return shape(); }
  index reduction() const { return 1; }

  /// out (shape()) = the pixels. Throws data_error; `out` is then undefined.
  void read(std::span<std::uint8_t> out) {
    if (static_cast<index>(out.size()) != shape().size())
      throw shape_error("png_reader: room for " + std::to_string(out.size()) + " bytes, expected " +
                        std::to_string(shape().size()));
    const bool colour = (png_get_color_type(png_, info_) & PNG_COLOR_MASK_COLOR) != 0;
    if (!colour || channels_ == 3) {
      if (!decode(out.data(), channels_)) throw data_error(sentence());
      return;
    }
    std::vector<std::uint8_t> full(static_cast<std::size_t>(3 * shape().pixels()));
    if (!decode(full.data(), 3)) throw data_error(sentence());
    for (std::size_t p = 0; p < out.size(); ++p) out[p] = luma(full[3 * p], full[3 * p + 1], full[3 * p + 2]);
  }

 private:
  // libpng's error function may not return and may not throw through C, hence the jump.
  [[noreturn]] static void fail(png_structp png, png_const_charp text) {
    auto* const self = static_cast<png_reader*>(png_get_error_ptr(png));
    std::snprintf(self->text_.data(), self->text_.size(), "%s", text);
    std::longjmp(self->jump_, 1);
  }
  static void ignore(png_structp, png_const_charp) {}  // such as a colour profile that is not right
  static void supply(png_structp png, png_bytep to, png_size_t count) {
    auto* const self = static_cast<png_reader*>(png_get_io_ptr(png));
    if (count > self->file_.size() - self->used_) {
      self->truncated_ = true;
      fail(png, "too few bytes");
    }
    std::copy_n(self->file_.data() + self->used_, count, to);
    self->used_ += count;
  }

  // The jump ends in these two, which have nothing to destroy; false says that it was taken.
  bool start() noexcept {
    if (setjmp(jump_) != 0) return false;
    png_ = png_create_read_struct(PNG_LIBPNG_VER_STRING, this, fail, ignore);
    if (png_ != nullptr) info_ = png_create_info_struct(png_);
    if (info_ == nullptr) {
      std::snprintf(text_.data(), text_.size(), "libpng could not be started");
      return false;
    }
    png_set_read_fn(png_, this, supply);
    png_read_info(png_, info_);
    height_ = static_cast<index>(png_get_image_height(png_, info_));
    width_ = static_cast<index>(png_get_image_width(png_, info_));
    return true;
  }
  bool decode(std::uint8_t* out, index channels) noexcept {
    if (setjmp(jump_) != 0) return false;
    png_set_expand(png_);
    png_set_scale_16(png_);
    png_set_strip_alpha(png_);
    if (channels == 3) png_set_gray_to_rgb(png_);
    const int passes = png_set_interlace_handling(png_);
    png_read_update_info(png_, info_);
    if (static_cast<index>(png_get_rowbytes(png_, info_)) != channels * width_)
      png_error(png_, "rows of an unexpected length");
    for (int pass = 0; pass < passes; ++pass)
      for (index y = 0; y < height_; ++y) png_read_row(png_, out + y * channels * width_, nullptr);
    png_read_end(png_, nullptr);
    return true;
  }

  std::string sentence() const {
    if (truncated_)
      return name_ + ": is truncated, expected more than its " + std::to_string(file_.size()) +
             " bytes of a PNG image";
    return name_ + ": is damaged (" + text_.data() + "), expected an intact PNG image";
  }

  std::span<const std::uint8_t> file_;
  std::string name_;
  index channels_, height_ = 0, width_ = 0;
  png_structp png_ = nullptr;
  png_infop info_ = nullptr;
  std::size_t used_ = 0;
  bool truncated_ = false;
  std::jmp_buf jump_;
  std::array<char, 128> text_{};
};

}  // namespace ssl
