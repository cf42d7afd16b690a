#include "recordings/cwru.h"

#include <simdjson.h>

#include <filesystem>
#include <fstream>
#include <sstream>

#include "recordings/frames.h"

namespace stethos::recordings {
namespace {

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
  CwruReader(std::unique_ptr<Recording> samples, CwruDescription description)
      : samples_(std::move(samples)), description_(std::move(description)) {}

  const CwruDescription& description() const override { return description_; }
  Result<bool> next(Record& record) override { return samples_->next(record); }
  Progress progress() const override { return samples_->progress(); }

 private:
  std::unique_ptr<Recording> samples_;
  CwruDescription description_;
};

}  // namespace

Result<std::unique_ptr<CwruRecording>> open_cwru(const std::string& path, const CwruOptions& options) {
  const std::string doing = "reading " + path;
  const std::filesystem::path file_path(path);
  if (file_path.extension() != ".f32") return fail(Code::invalid, doing, "expected a file NAME.f32");
  auto description = read_description(std::filesystem::path(file_path).replace_extension(".json").string());
  if (!description) return std::unexpected(description.error());
  auto bytes = open_binary_file(path);
  if (!bytes) return std::unexpected(bytes.error());
  constexpr NumberFormat f32{.type = NumberType::f32};
  if ((*bytes)->size() % f32.bytes() != 0 || (*bytes)->size() / f32.bytes() != description->samples) {
    return fail(Code::corrupt, doing,
                std::to_string((*bytes)->size()) + " bytes, but its description says " + std::to_string(description->samples) +
                    " samples");
  }
  auto samples = open_frames({.path = path,
                              .tables = {{.bytes = *bytes, .frames = description->samples, .format = f32}},
                              .names = {},
                              .rate_hz = description->sample_rate_hz,
                              .shaft_hz = description->rpm / 60},
                             {.start_ns = options.start_ns,
                              .block_samples = options.block_samples,
                              .channels = {options.channel},
                              .quantity = "acceleration",
                              .unit = description->unit});
  if (!samples) return std::unexpected(samples.error());
  return std::make_unique<CwruReader>(*std::move(samples), *std::move(description));
}

}  // namespace stethos::recordings
