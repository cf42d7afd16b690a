#include "recordings/mat.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <filesystem>
#include <optional>
#include <string_view>

#include "common/printable.h"
#include "recordings/mat_arrays.h"

namespace stethos::recordings {
namespace {

constexpr std::string_view decimal_digits = "0123456789";
constexpr std::size_t shown_arrays_max = 40;
constexpr std::size_t shown_path_max = 64;

bool is_vector(const MatArray& array) { return array.rows == 1 || array.columns == 1; }

bool is_of_samples(const MatArray& array) {
  return array.count() > 1 && !array.is_complex && (is_vector(array) || array.columns <= mat_columns_max);
}

std::size_t channels_of_array(const MatArray& array) { return is_vector(array) ? 1 : static_cast<std::size_t>(array.columns); }

// X097_DE_time, or X097RPM, whose sensor is empty.
struct CwruVariable {
  std::string_view number;
  std::string_view sensor;
};

std::optional<CwruVariable> cwru_variable_of(std::string_view path) {
  if (!path.starts_with('X')) return std::nullopt;
  const std::string_view number = path.substr(1, path.find_first_not_of(decimal_digits, 1) - 1);
  const std::string_view rest = path.substr(std::min(path.size(), 1 + number.size()));
  if (number.empty()) return std::nullopt;
  if (rest == "RPM") return CwruVariable{number, ""};
  for (const std::string_view sensor : {"DE", "FE", "BA"}) {
    if (rest == "_" + std::string(sensor) + "_time") return CwruVariable{number, sensor};
  }
  return std::nullopt;
}

// The path of the struct whose field "gs" this is.
std::optional<std::string_view> mfpt_struct_of(std::string_view path) {
  constexpr std::string_view field = ".gs";
  if (!path.ends_with(field)) return std::nullopt;
  return path.substr(0, path.size() - field.size());
}

// What an array says of itself by what stands beside it.
struct SaidOfArray {
  std::string name;
  double rate_hz = 0;
  double shaft_hz = 0;
};

class MatVariables {
 public:
  MatVariables(std::string path, std::vector<MatArray> arrays) : path_(std::move(path)), arrays_(std::move(arrays)) {}

  Result<std::vector<const MatArray*>> choose(const std::vector<std::string>& paths) const {
    std::vector<const MatArray*> out;
    for (const std::string& path : paths) {
      const MatArray* const array = find(path);
      if (array == nullptr) return refuse("it has no array \"" + path + "\": there are " + list());
      if (!is_of_samples(*array)) {
        return refuse(path + " has " + size_of(*array) + ": a vector is read, or a matrix of up to " +
                      std::to_string(mat_columns_max) + " columns");
      }
      out.push_back(array);
    }
    if (out.empty()) out = cwru_channels();
    if (out.empty()) {
      out = all_that([this](const MatArray& array) {
        const auto in = mfpt_struct_of(array.path);
        return is_of_samples(array) && in && scalar(std::string(*in) + ".sr");
      });
      if (out.empty()) out = all_that(is_of_samples);
      if (out.size() > 1) return refuse("--column says which of several it is: " + list());
    }
    if (out.empty()) return refuse("it has no array of samples: there are " + list());
    return out;
  }

  SaidOfArray said_of(const MatArray& array) const {
    if (const auto cwru = cwru_variable_of(array.path); cwru && !cwru->sensor.empty()) {
      constexpr double s_per_min = 60;
      return {std::string(cwru->sensor), 0, scalar("X" + std::string(cwru->number) + "RPM").value_or(0) / s_per_min};
    }
    const auto in = mfpt_struct_of(array.path);
    const auto rate_hz = in ? scalar(std::string(*in) + ".sr") : std::nullopt;
    if (rate_hz) return {"gs", *rate_hz, scalar(std::string(*in) + ".rate").value_or(0)};
    return {array.path.substr(array.path.rfind('.') + 1), 0, 0};
  }

  std::unexpected<Error> refuse(std::string why) const { return fail(Code::invalid, "reading " + path_, std::move(why)); }

 private:
  const MatArray* find(std::string_view path) const {
    const auto found = std::ranges::find(arrays_, path, &MatArray::path);
    return found == arrays_.end() ? nullptr : &*found;
  }

  template <class Wanted>
  std::vector<const MatArray*> all_that(Wanted is_wanted) const {
    std::vector<const MatArray*> out;
    for (const MatArray& array : arrays_) {
      if (is_wanted(array)) out.push_back(&array);
    }
    return out;
  }

  // A number above zero that stands by itself.
  std::optional<double> scalar(const std::string& path) const {
    const MatArray* const array = find(path);
    if (array == nullptr || array->count() != 1 || array->is_complex) return std::nullopt;
    std::array<char, 8> bytes{};
    std::array<double, 1> value{};
    if (!array->bytes->read(array->begin, bytes.data(), array->format.bytes())) return std::nullopt;
    read_numbers(bytes.data(), bytes.size(), array->format, 1, value);
    return std::isfinite(value[0]) && value[0] > 0 ? std::optional(value[0]) : std::nullopt;
  }

  // Empty: it is of another layout, or of several records none of which has the number of the file.
  std::vector<const MatArray*> cwru_channels() const {
    const auto number_of = [](const MatArray* array) { return cwru_variable_of(array->path)->number; };
    auto channels = all_that([](const MatArray& array) {
      const auto variable = cwru_variable_of(array.path);
      return is_of_samples(array) && variable && !variable->sensor.empty();
    });
    const bool is_one =
        std::ranges::all_of(channels, [&](auto* array) { return number_of(array) == number_of(channels.front()); });
    if (is_one) return channels;
    const std::string stem = std::filesystem::path(path_).stem().string();
    const auto without_zeros = [](std::string_view number) {
      return number.substr(std::min(number.find_first_not_of('0'), number.size()));
    };
    const std::string_view wanted = without_zeros(std::string_view(stem).substr(0, stem.find_first_not_of(decimal_digits)));
    std::erase_if(channels, [&](const MatArray* array) { return without_zeros(number_of(array)) != wanted; });
    return channels;
  }

  static std::string size_of(const MatArray& array) {
    return std::to_string(array.rows) + " x " + std::to_string(array.columns) + (array.is_complex ? " complex" : "") + " numbers";
  }

  // What could be meant; where that is nothing, all that there is.
  std::string list() const {
    auto shown = all_that(is_of_samples);
    if (shown.empty()) shown = all_that([](const MatArray&) { return true; });
    std::string out;
    for (std::size_t i = 0; i < std::min(shown.size(), shown_arrays_max); ++i) {
      out += (i == 0 ? "" : ", ") + printable(shown[i]->path, shown_path_max) + " (" + size_of(*shown[i]) + ")";
    }
    if (shown.size() > shown_arrays_max) out += " and " + std::to_string(shown.size() - shown_arrays_max) + " more";
    return out.empty() ? "none" : out;
  }

  std::string path_;
  std::vector<MatArray> arrays_;
};

}  // namespace

Result<std::unique_ptr<Recording>> open_mat(const std::string& path, const std::vector<std::string>& paths,
                                            const FrameOptions& options) {
  auto arrays = find_mat_arrays(path);
  if (!arrays) return std::unexpected(arrays.error());
  const MatVariables variables(path, *std::move(arrays));
  const auto chosen = variables.choose(paths);
  if (!chosen) return std::unexpected(chosen.error());
  const SaidOfArray said = variables.said_of(*chosen->front());
  Frames frames{.path = path, .tables = {}, .names = {}, .rate_hz = said.rate_hz, .shaft_hz = said.shaft_hz};
  for (const MatArray* array : *chosen) {
    const SaidOfArray of_this = variables.said_of(*array);
    if (of_this.rate_hz != said.rate_hz || of_this.shaft_hz != said.shaft_hz)
      return variables.refuse(chosen->front()->path + " and " + array->path + " differ in rate or speed");
    const std::size_t channels = channels_of_array(*array);
    for (std::size_t i = 1; i <= channels; ++i) {
      frames.names.push_back(channels == 1 ? of_this.name : of_this.name + "-" + std::to_string(i));
    }
    frames.tables.push_back({.bytes = array->bytes,
                             .begin = array->begin,
                             .frames = array->count() / channels,
                             .channels = channels,
                             .format = array->format,
                             .is_by_channel = true});
  }
  return open_frames(std::move(frames), options);
}

}  // namespace stethos::recordings
