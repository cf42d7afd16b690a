#include "recordings/cwru.h"

#include <simdjson.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <vector>

namespace stethos::recordings {
namespace {

static_assert(std::endian::native == std::endian::little, "f32 files are read as they lie");

constexpr std::uintmax_t description_bytes_max = 64u << 10;

Result<CwruDescription> read_description(const std::string& path) {
  const std::string doing = "reading " + path;
  std::error_code error;
  const auto bytes = std::filesystem::file_size(path, error);
  if (error) return fail(Code::not_found, doing, error.message());
  if (bytes > description_bytes_max) return fail(Code::too_large, doing, "more than 64 KiB");
  std::ostringstream text;
  text << std::ifstream(path, std::ios::binary).rdbuf();
  std::string_view name = "it";  // of what is read
  const auto at = [&name](simdjson::dom::element object, std::string_view key) { return object[name = key]; };
  try {
    simdjson::dom::parser parser;
    const simdjson::dom::element root = parser.parse(text.str());
    CwruDescription out;
    out.sample_rate_hz = at(root, "sample_rate_hz").get_double();
    out.samples = at(root, "samples").get_uint64();
    out.unit = std::string(std::string_view(at(root, "unit")));
    out.rpm = at(root, "rpm").get_double();
    out.fault = std::string(std::string_view(at(root, "fault")));
    const simdjson::dom::element bearing = at(root, "bearing");
    out.bearing_model = std::string(std::string_view(at(bearing, "model")));
    out.bearing_elements = static_cast<int>(std::int64_t(at(bearing, "elements")));
    out.element_diameter_in = at(bearing, "element_diameter_in").get_double();
    out.pitch_diameter_in = at(bearing, "pitch_diameter_in").get_double();
    out.contact_angle_deg = at(bearing, "contact_angle_deg").get_double();
    if (!(out.sample_rate_hz > 0)) return fail(Code::corrupt, doing, "sample_rate_hz is not above zero");
    if (out.samples == 0) return fail(Code::corrupt, doing, "samples is 0");
    return out;
  } catch (const simdjson::simdjson_error& failure) {
    return fail(Code::corrupt, doing, std::string(name) + ": " + failure.what());
  }
}

class CwruReader final : public CwruRecording {
 public:
  CwruReader(std::string path, std::FILE* file, CwruDescription description, const CwruOptions& options)
      : path_(std::move(path)), file_(file), description_(std::move(description)), options_(options) {
    values_.resize(options.block_samples);
  }

  const CwruDescription& description() const override { return description_; }

  Result<bool> next(Record& record) override {
    const std::uint64_t left = description_.samples - read_;
    if (left == 0) return false;
    const auto count = static_cast<std::size_t>(std::min<std::uint64_t>(left, options_.block_samples));
    if (std::fread(values_.data(), sizeof(float), count, file_.get()) != count) {
      return fail(Code::io, "reading " + path_, "it ended early");
    }
    record.channels.resize(1);
    ChannelData& channel = record.channels.front();
    channel.channel = options_.channel;
    channel.quantity = "acceleration";
    channel.unit = description_.unit;
    channel.interval_ns = static_cast<double>(ns_per_s) / description_.sample_rate_hz;
    channel.start_ns = options_.start_ns + std::llround(static_cast<double>(read_) * channel.interval_ns);
    channel.times_ns.clear();
    channel.shaft_hz = description_.rpm / 60;
    channel.samples.assign(values_.begin(), values_.begin() + static_cast<std::ptrdiff_t>(count));
    read_ += count;
    return true;
  }

  Progress progress() const override { return {read_, description_.samples}; }

 private:
  struct Close {
    void operator()(std::FILE* file) const { std::fclose(file); }
  };
  std::string path_;
  std::unique_ptr<std::FILE, Close> file_;
  CwruDescription description_;
  CwruOptions options_;
  std::vector<float> values_;
  std::uint64_t read_ = 0;  // samples
};

}  // namespace

Result<std::unique_ptr<CwruRecording>> open_cwru(const std::string& path, const CwruOptions& options) {
  const std::string doing = "reading " + path;
  const std::filesystem::path file_path(path);
  if (file_path.extension() != ".f32") return fail(Code::invalid, doing, "expected a file NAME.f32");
  if (options.block_samples == 0 || options.block_samples > block_samples_max) {
    return fail(Code::invalid, doing, "a block has 1 to " + std::to_string(block_samples_max) + " samples");
  }
  auto description = read_description(std::filesystem::path(file_path).replace_extension(".json").string());
  if (!description) return std::unexpected(description.error());
  std::error_code error;
  const auto bytes = std::filesystem::file_size(file_path, error);
  if (error) return fail(Code::not_found, doing, error.message());
  if (bytes % sizeof(float) != 0 || bytes / sizeof(float) != description->samples) {
    return fail(Code::corrupt, doing,
                std::to_string(bytes) + " bytes, but its description says " + std::to_string(description->samples) + " samples");
  }
  std::FILE* file = std::fopen(path.c_str(), "rb");
  if (file == nullptr) return fail(Code::io, doing, "it cannot be opened");
  return std::make_unique<CwruReader>(path, file, *std::move(description), options);
}

}  // namespace stethos::recordings
