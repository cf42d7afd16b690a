#include "uplink/collector/statistics.h"

#include <algorithm>
#include <vector>

#include "schemas/rows_generated.h"

namespace stethos::collector {

std::span<const std::uint16_t> known_statistics() {
  static const std::vector<std::uint16_t> numbers = [] {
    std::vector<std::uint16_t> out;
    for (const auto statistic : schema::EnumValuesStatistic()) {
      if (statistic != schema::Statistic::none) out.push_back(static_cast<std::uint16_t>(statistic));
    }
    return out;
  }();
  return numbers;
}

std::string statistic_name(std::uint16_t number) {
  if (std::ranges::binary_search(known_statistics(), number))
    return schema::EnumNameStatistic(static_cast<schema::Statistic>(number));
  return "statistic_" + std::to_string(number);
}

std::optional<std::uint16_t> find_statistic(std::string_view name) {
  for (const std::uint16_t number : known_statistics()) {
    if (name == schema::EnumNameStatistic(static_cast<schema::Statistic>(number))) return number;
  }
  return std::nullopt;
}

std::string statistic_unit(std::uint16_t number, std::string_view unit) {
  switch (static_cast<schema::Statistic>(number)) {
    case schema::Statistic::mean:
    case schema::Statistic::standard_deviation:
    case schema::Statistic::rms:
    case schema::Statistic::peak:
    case schema::Statistic::peak_to_peak:
    case schema::Statistic::min:
    case schema::Statistic::max:
    case schema::Statistic::quantile:
    case schema::Statistic::band_rms:
    case schema::Statistic::line_amplitude:
    case schema::Statistic::multiple_amplitude:
    case schema::Statistic::envelope_amplitude:
      return std::string(unit);
    case schema::Statistic::velocity_rms:
      return "mm/s";
    case schema::Statistic::spectral_centroid:
    case schema::Statistic::spectral_spread:
    case schema::Statistic::spectral_rolloff:
    case schema::Statistic::line_frequency:
      return "Hz";
    case schema::Statistic::count:
    case schema::Statistic::crest:
    case schema::Statistic::shape:
    case schema::Statistic::impulse:
    case schema::Statistic::clearance:
    case schema::Statistic::skewness:
    case schema::Statistic::kurtosis:
    case schema::Statistic::clipped:
    case schema::Statistic::longest_repeat:
    case schema::Statistic::longest_same_sign:
    case schema::Statistic::distinct_share:
    case schema::Statistic::low_frequency_share:
    case schema::Statistic::spectral_entropy:
    case schema::Statistic::envelope_height:
      return "1";
    case schema::Statistic::none:
      break;
  }
  return {};
}

}  // namespace stethos::collector
