#pragma once
// SPDX-License-Identifier: MIT

/// JPEG files (ITU-T T.81) by libjpeg-turbo or another libjpeg of version 8 or its interface. Include it by
/// name and link the target bagssl::image.

// jpeglib.h needs it before.
#include <cstdio>

#include <jpeglib.h>

#include <jerror.h>

#include <algorithm>
#include <array>
#include <csetjmp>
#include <cstdint>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "ssl/core/config.hpp"
#include "ssl/core/error.hpp"
#include "ssl/core/shape.hpp"
#include "ssl/data/pixel.hpp"

namespace ssl {

/// One JPEG file: its header is read on construction, its pixels by `read`, once.
///
/// Baseline and progressive, of 8 bits. Pixels are those of libjpeg's defaults, which are also PIL's and
/// torchvision's: the accurate integer DCT and smooth chroma. Grey files give three equal channels where
/// three are asked for; colour gives its luma where one is. CMYK and YCCK are converted without a colour
/// profile, R = C K / 255 of Adobe's inverted inks (files with Adobe's marker), R = (255 - C)(255 - K) / 255
/// of others. An orientation noted by a camera (EXIF) is not applied, as torchvision's loaders do not.
///
/// Whatever libjpeg reports, warnings included, makes the file a broken one: data_error in a sentence that
/// begins with `name`. The file's bytes have to live as long as this.
class jpeg_reader {
 public:
  /// `channels` of the pixels to come: 1 or 3.
  jpeg_reader(std::span<const std::uint8_t> file, std::string name, index channels)
      : file_(file), name_(std::move(name)), channels_(channels) {
    if (!start()) {
      const std::string what = sentence();
      jpeg_destroy_decompress(&info_);
      throw data_error(what);
    }
  }
  jpeg_reader(const jpeg_reader&) = delete;
  jpeg_reader& operator=(const jpeg_reader&) = delete;
  ~jpeg_reader() { jpeg_destroy_decompress(&info_); }

  /// Of what `read` writes: ceil(whole() / reduction()).
  image_shape shape() const {
    const image_shape w = whole();
    return {w.channels, (w.height + reduction_ - 1) / reduction_, (w.width + reduction_ - 1) / reduction_};
  }
  image_shape whole() const {
    return {channels_, static_cast<index>(info_.image_height), static_cast<index>(info_.image_width)};
  }
  index reduction() const { return reduction_; }

  /// Decodes at 1/8, 1/4 or 1/2 of the size where that leaves at least height x width: faster by about the
  /// square, each pixel about the mean of those it stands for.
  void reduce(index height, index width) {
    reduction_ = 8;
    while (reduction_ > 1 && (whole().height < reduction_ * height || whole().width < reduction_ * width))
      reduction_ /= 2;
  }

  /// out (shape()) = the pixels. Throws data_error; `out` is then undefined.
  void read(std::span<std::uint8_t> out) {
    if (static_cast<index>(out.size()) != shape().size())
      throw shape_error("jpeg_reader: room for " + std::to_string(out.size()) + " bytes, expected " +
                        std::to_string(shape().size()));
    const bool inks = info_.jpeg_color_space == JCS_CMYK || info_.jpeg_color_space == JCS_YCCK;
    if (inks) inks_.resize(static_cast<std::size_t>(4 * shape().width));
    info_.scale_num = 1;
    info_.scale_denom = static_cast<unsigned>(reduction_);
    info_.out_color_space = inks ? JCS_CMYK : channels_ == 1 ? JCS_GRAYSCALE : JCS_RGB;
    if (!decode(out.data(), shape().width)) throw data_error(sentence());
  }

 private:
  /// What libjpeg calls when something is wrong. It may not return and may not throw through C, hence the
  /// jump.
  struct manager {
    jpeg_error_mgr base;  // first: libjpeg knows this part
    std::jmp_buf jump;
    std::array<char, JMSG_LENGTH_MAX> text;
  };
  [[noreturn]] static void fail(j_common_ptr info) {
    auto* const m = reinterpret_cast<manager*>(info->err);
    info->err->format_message(info, m->text.data());
    std::longjmp(m->jump, 1);
  }
  static void message(j_common_ptr info, int level) {
    if (level < 0) fail(info);
  }

  // The jump ends in these two, which have nothing to destroy; false says that it was taken.
  bool start() noexcept {
    info_.err = jpeg_std_error(&errors_.base);
    errors_.base.error_exit = fail;
    errors_.base.emit_message = message;
    if (setjmp(errors_.jump) != 0) return false;
    jpeg_create_decompress(&info_);
    // size_t is another type than that on some systems.
    const auto length = [](auto bytes) { return static_cast<unsigned long>(bytes); };
    jpeg_mem_src(&info_, const_cast<unsigned char*>(file_.data()), length(file_.size()));
    jpeg_read_header(&info_, TRUE);
    return true;
  }
  bool decode(std::uint8_t* out, index width) noexcept {
    if (setjmp(errors_.jump) != 0) return false;
    jpeg_start_decompress(&info_);
    while (info_.output_scanline < info_.output_height) {
      std::uint8_t* const first = out + static_cast<index>(info_.output_scanline) * width * channels_;
      if (inks_.empty()) {
        std::array<JSAMPROW, 8> rows;
        const JDIMENSION left = info_.output_height - info_.output_scanline,
                         count = std::min<JDIMENSION>(left, 8);
        for (JDIMENSION r = 0; r < count; ++r) rows[r] = first + static_cast<index>(r) * width * channels_;
        jpeg_read_scanlines(&info_, rows.data(), count);
      } else {
        JSAMPROW row = inks_.data();
        jpeg_read_scanlines(&info_, &row, 1);
        if (info_.saw_Adobe_marker == FALSE)
          for (std::uint8_t& ink : inks_) ink = static_cast<std::uint8_t>(255 - ink);
        detail::colour_of_inks(inks_, channels_, first);
      }
    }
    jpeg_finish_decompress(&info_);  // reads on to the end marker: a file without one is cut off
    return true;
  }

  std::string sentence() const {
    switch (errors_.base.msg_code) {
      case JWRN_JPEG_EOF:
      case JERR_INPUT_EOF:
      case JERR_INPUT_EMPTY:
        return name_ + ": is truncated, expected more than its " + std::to_string(file_.size()) +
               " bytes of a JPEG image";
      case JERR_ARITH_NOTIMPL:
      case JERR_BAD_PRECISION:
      case JERR_CONVERSION_NOTIMPL:
      case JERR_SOF_UNSUPPORTED:
        return name_ + ": is a kind of JPEG that cannot be read (" + errors_.text.data() +
               "), expected baseline or progressive JPEG of 8 bits";
      default:
        return name_ + ": is damaged (" + errors_.text.data() + "), expected an intact JPEG image";
    }
  }

  std::span<const std::uint8_t> file_;
  std::string name_;
  index channels_;
  index reduction_ = 1;
  jpeg_decompress_struct info_{};
  manager errors_{};
  std::vector<std::uint8_t> inks_;  // (4, width): one row of C M Y K, inverted
};

}  // namespace ssl
