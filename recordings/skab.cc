#include "recordings/skab.h"

#include <array>
#include <span>
#include <string_view>

#include "common/time_text.h"
#include "recordings/text_file.h"

namespace stethos::recordings {
namespace {

struct Sensor {
  std::string_view heading;
  std::string_view channel;
  std::string_view quantity;
  std::string_view unit;
};
// In the order of the files. Units as the benchmark's description gives them.
constexpr std::array<Sensor, 8> sensors{{{"Accelerometer1RMS", "Accelerometer1RMS", "acceleration", "g"},
                                         {"Accelerometer2RMS", "Accelerometer2RMS", "acceleration", "g"},
                                         {"Current", "Current", "electric_current", "A"},
                                         {"Pressure", "Pressure", "pressure", "bar"},
                                         {"Temperature", "Temperature", "temperature", "degC"},
                                         {"Thermocouple", "Thermocouple", "temperature", "degC"},
                                         {"Voltage", "Voltage", "voltage", "V"},
                                         {"Volume Flow RateRMS", "Volume_Flow_RateRMS", "volume_flow_rate", "L/min"}}};
constexpr std::size_t fields_without_labels = 1 + sensors.size();
constexpr std::size_t fields_with_labels = fields_without_labels + 2;

class SkabReader final : public Recording {
 public:
  SkabReader(TextFile file, std::size_t field_count) : file_(std::move(file)), field_count_(field_count) {}

  Result<bool> next(Record& record) override {
    std::string_view line;
    if (!file_.next_line(line)) return false;
    std::array<std::string_view, fields_with_labels> all_fields;
    const auto fields = std::span(all_fields).first(field_count_);
    if (auto cut = file_.split(line, ';', fields); !cut) return std::unexpected(cut.error());
    const auto time_ns = parse_time(fields[0]);
    if (!time_ns) return file_.refuse(time_ns.error().text());
    record.channels.resize(sensors.size());
    for (std::size_t i = 0; i < sensors.size(); ++i) {
      const auto value = file_.sample(fields[1 + i], sensors[i].heading);
      if (!value) return std::unexpected(value.error());
      record.channels[i] = {std::string(sensors[i].channel),
                            std::string(sensors[i].quantity),
                            std::string(sensors[i].unit),
                            *time_ns,
                            0,
                            {*time_ns},
                            {*value}};
    }
    for (const std::string_view label : fields.subspan(fields_without_labels)) {
      const auto value = file_.number(label, "label");
      if (!value) return std::unexpected(value.error());
      if (*value != 0 && *value != 1) return file_.refuse("a label is neither 0 nor 1");
    }
    return true;
  }

  Progress progress() const override { return file_.progress(); }

 private:
  TextFile file_;
  std::size_t field_count_;
};

}  // namespace

Result<std::unique_ptr<Recording>> open_skab(const std::string& path) {
  TextFile file;
  if (auto loaded = file.load(path); !loaded) return std::unexpected(loaded.error());
  std::string expected = "datetime";
  for (const Sensor& sensor : sensors) expected += ";" + std::string(sensor.heading);
  std::string_view heading;
  if (!file.next_line(heading)) return file.refuse("it is empty");
  if (heading == expected) return std::make_unique<SkabReader>(std::move(file), fields_without_labels);
  if (heading == expected + ";anomaly;changepoint") return std::make_unique<SkabReader>(std::move(file), fields_with_labels);
  return file.refuse("its heading is not \"" + expected + "\", with or without \";anomaly;changepoint\"");
}

}  // namespace stethos::recordings
