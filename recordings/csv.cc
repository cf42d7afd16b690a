#include "recordings/csv.h"

#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cmath>
#include <cstring>
#include <fstream>
#include <limits>
#include <string_view>

#include "common/printable.h"
#include "common/time_text.h"
#include "common/utf8.h"
#include "recordings/text_file.h"

namespace stethos::recordings {
namespace {

constexpr std::size_t line_bytes_max = 1u << 20;
constexpr std::size_t columns_max = 1'000;
constexpr std::size_t shown_bytes_max = 64;

std::string_view trimmed(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
  return text;
}

std::optional<double> number_of(std::string_view field, char delimiter) {
  std::string text(field.starts_with('+') ? field.substr(1) : field);
  if (delimiter != ',' && text.find('.') == std::string::npos) std::ranges::replace(text, ',', '.');
  double value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size() || !std::isfinite(value)) return std::nullopt;
  return value;
}

// What stands before the point, exactly where it is written in digits.
std::int64_t integer_of(std::string_view field, double whole) {
  std::int64_t digits = 0;
  const auto error = std::from_chars(field.data(), field.data() + field.size(), digits).ec;
  return error == std::errc{} && static_cast<double>(digits) == whole ? digits : static_cast<std::int64_t>(whole);
}

class CsvReader final : public Recording {
 public:
  CsvReader(const std::string& path, const CsvOptions& options) : path_(path), options_(options), file_(path, std::ios::binary) {}

  // Reads up to the first row of values.
  Status open() {
    struct stat status{};
    if (!file_ || ::stat(path_.c_str(), &status) != 0 || !S_ISREG(status.st_mode)) {
      return fail(Code::not_found, "reading " + path_, file_ ? "it is no file" : std::strerror(errno));
    }
    total_bytes_ = static_cast<std::uint64_t>(status.st_size);
    const auto more = next_row();
    if (!more) return std::unexpected(more.error());
    if (!*more) return refuse("it has no rows");
    return choose_columns();
  }

  Result<bool> next(Record& record) override { return options_.rate_hz > 0 ? next_block(record) : next_reading(record); }

  Progress progress() const override { return {read_bytes_, total_bytes_}; }

 private:
  std::unexpected<Error> refuse(std::string why) const {
    return fail(Code::corrupt, "reading " + path_ + (line_number_ > 0 ? ":" + std::to_string(line_number_) : ""), std::move(why));
  }

  // Into fields_, past comments and empty lines. False at the end.
  Result<bool> next_row() {
    while (file_.getline(line_.data(), static_cast<std::streamsize>(line_.size()))) {
      ++line_number_;
      const auto bytes = static_cast<std::size_t>(file_.gcount());
      read_bytes_ += bytes;
      std::string_view line(line_.data(), bytes - (file_.eof() ? 0 : 1));  // without the line feed
      if (line_number_ == 1 && line.starts_with(byte_order_mark)) line.remove_prefix(byte_order_mark.size());
      if (line.ends_with('\r')) line.remove_suffix(1);
      if (trimmed(line).empty() || trimmed(line).starts_with('#')) continue;
      if (options_.delimiter == 0) options_.delimiter = delimiter_of(trimmed(line));
      if (options_.delimiter == ' ') line = trimmed(line);
      if (auto cut = cut_fields(line); !cut) return std::unexpected(cut.error());
      if (field_count_ == 0) field_count_ = fields_.size();
      if (fields_.size() != field_count_) {
        return refuse("expected " + std::to_string(field_count_) + " fields, found " + std::to_string(fields_.size()));
      }
      return true;
    }
    if (file_.bad()) return fail(Code::io, "reading " + path_, "it cannot be read");
    if (!file_.eof()) return refuse("the line after has more than " + std::to_string(line_bytes_max) + " bytes");
    return false;
  }

  static char delimiter_of(std::string_view line) {
    for (const char each : {'\t', ';', ',', ' '}) {
      if (line.find(each) != std::string_view::npos) return each;
    }
    return ',';
  }

  // A field may stand in quotes, in which the delimiter is a character as any other.
  Status cut_fields(std::string_view line) {
    fields_.clear();
    for (;;) {
      if (fields_.size() == columns_max) return refuse("more than " + std::to_string(columns_max) + " fields");
      if (line.starts_with('"')) {
        const auto end = line.find('"', 1);
        if (end == std::string_view::npos) return refuse("a quote that does not end");
        fields_.push_back(trimmed(line.substr(1, end - 1)));
        line.remove_prefix(end + 1);
        if (!line.empty() && line.front() != options_.delimiter) return refuse("something behind a quote");
        if (line.empty()) return {};
      } else {
        const auto end = line.find(options_.delimiter);
        fields_.push_back(trimmed(line.substr(0, end)));
        if (end == std::string_view::npos) return {};
        line.remove_prefix(end);
      }
      line.remove_prefix(1);
      if (options_.delimiter == ' ') line = trimmed(line);
    }
  }

  // The first row is a heading where a field of it is neither a number, nor missing, nor a time.
  Status choose_columns() {
    const bool is_heading = std::ranges::any_of(fields_, [&](std::string_view field) {
      return !is_missing(field) && !number_of(field, options_.delimiter) && !parse_time(field);
    });
    std::vector<std::string> names;
    for (std::size_t i = 0; i < fields_.size(); ++i) {
      names.push_back(is_heading && !fields_[i].empty() ? std::string(fields_[i]) : "column-" + std::to_string(i + 1));
    }
    const auto place_of = [&](const std::string& wanted) -> Result<std::size_t> {
      const auto named = std::ranges::find(names, wanted);
      if (named != names.end()) return static_cast<std::size_t>(named - names.begin());
      std::size_t number = 0;
      const auto [end, error] = std::from_chars(wanted.data(), wanted.data() + wanted.size(), number);
      const bool is_number = error == std::errc{} && end == wanted.data() + wanted.size();
      if (is_number && number >= 1 && number <= names.size()) return number - 1;
      std::string known;
      for (const std::string& name : names) known += (known.empty() ? "" : ", ") + printable(name, shown_bytes_max);
      return fail(Code::invalid, "reading " + path_, "it has no column \"" + wanted + "\": there are " + printable(known, 1'000));
    };
    if (options_.rate_hz == 0 || !options_.time_column.empty()) {
      auto time = place_of(options_.time_column.empty() ? "1" : options_.time_column);
      if (!time) return std::unexpected(time.error());
      time_column_ = *time;
    }
    for (const std::string& wanted : options_.columns) {
      auto column = place_of(wanted);
      if (!column) return std::unexpected(column.error());
      value_columns_.push_back(*column);
    }
    for (std::size_t i = 0; i < names.size() && options_.columns.empty(); ++i) {
      if (i != time_column_) value_columns_.push_back(i);
    }
    if (value_columns_.empty()) return fail(Code::invalid, "reading " + path_, "it has no column of values");
    if (!options_.channels.empty() && options_.channels.size() != value_columns_.size()) {
      return fail(Code::invalid, "reading " + path_,
                  "it has " + std::to_string(value_columns_.size()) + " columns of values, and " +
                      std::to_string(options_.channels.size()) + " names are given");
    }
    for (std::size_t i = 0; i < value_columns_.size(); ++i) {
      channels_.push_back(options_.channels.empty() ? names[value_columns_[i]] : options_.channels[i]);
    }
    has_row_ = !is_heading;
    return {};
  }

  Result<bool> have_row() {
    if (has_row_) {
      has_row_ = false;
      return true;
    }
    return next_row();
  }

  Result<double> value_at(std::size_t column) const {
    const std::string_view field = fields_[column];
    if (is_missing(field)) return std::numeric_limits<double>::quiet_NaN();
    const auto value = number_of(field, options_.delimiter);
    if (!value) {
      return refuse("field " + std::to_string(column + 1) + ", \"" + printable(field, shown_bytes_max) + "\", is not a number");
    }
    return *value * options_.scale;
  }

  Result<TimeNs> time_of_row() const {
    const std::string_view field = fields_[*time_column_];
    if (const auto number = number_of(field, options_.delimiter)) {
      // A float64 has no room for the nanoseconds of today: what is before the point is counted by itself.
      const double whole = std::trunc(*number);
      const bool is_sane = std::abs(whole) < 9e18;
      TimeNs at = 0;
      const bool is_beyond =
          !is_sane || __builtin_mul_overflow(is_sane ? integer_of(field, whole) : 0, options_.time_unit_ns, &at) ||
          __builtin_add_overflow(at, options_.start_ns, &at) ||
          __builtin_add_overflow(at, std::llround((*number - whole) * static_cast<double>(options_.time_unit_ns)), &at);
      if (is_beyond) return refuse("the time " + printable(field, shown_bytes_max) + " is beyond all time");
      return at;
    }
    const auto time = parse_time(field);
    if (!time) return refuse(time.error().text());
    return *time;
  }

  void describe(ChannelData& channel, std::size_t i) const {
    channel.channel = channels_[i];
    channel.quantity = options_.quantity;
    channel.unit = options_.unit;
    channel.samples.clear();
    channel.times_ns.clear();
  }

  Result<bool> next_block(Record& record) {
    record.channels.resize(channels_.size());
    for (std::size_t i = 0; i < channels_.size(); ++i) {
      describe(record.channels[i], i);
      record.channels[i].interval_ns = static_cast<double>(ns_per_s) / options_.rate_hz;
      record.channels[i].start_ns = options_.start_ns + std::llround(static_cast<double>(rows_) * record.channels[i].interval_ns);
    }
    std::size_t count = 0;
    for (; count < options_.block_samples; ++count) {
      const auto more = have_row();
      if (!more) return std::unexpected(more.error());
      if (!*more) break;
      for (std::size_t i = 0; i < channels_.size(); ++i) {
        const auto value = value_at(value_columns_[i]);
        if (!value) return std::unexpected(value.error());
        record.channels[i].samples.push_back(*value);
      }
    }
    rows_ += count;
    return count > 0;
  }

  Result<bool> next_reading(Record& record) {
    const auto more = have_row();
    if (!more || !*more) return more;
    const auto time = time_of_row();
    if (!time) return std::unexpected(time.error());
    record.channels.resize(channels_.size());
    for (std::size_t i = 0; i < channels_.size(); ++i) {
      ChannelData& channel = record.channels[i];
      describe(channel, i);
      const auto value = value_at(value_columns_[i]);
      if (!value) return std::unexpected(value.error());
      channel.start_ns = *time;
      channel.times_ns.push_back(*time);
      channel.samples.push_back(*value);
    }
    return true;
  }

  std::string path_;
  CsvOptions options_;
  std::ifstream file_;
  std::string line_ = std::string(line_bytes_max, '\0');
  std::vector<std::string_view> fields_;  // of line_
  std::size_t field_count_ = 0;           // 0: no row yet
  std::size_t line_number_ = 0;
  std::uint64_t read_bytes_ = 0;
  std::uint64_t total_bytes_ = 0;
  bool has_row_ = false;  // fields_ is the first row, and was not given yet
  std::optional<std::size_t> time_column_;
  std::vector<std::size_t> value_columns_;
  std::vector<std::string> channels_;
  std::uint64_t rows_ = 0;  // given
};

}  // namespace

Result<std::unique_ptr<Recording>> open_csv(const std::string& path, const CsvOptions& options) {
  if (auto checked = check_block_samples(path, options.block_samples); !checked) return std::unexpected(checked.error());
  auto reader = std::make_unique<CsvReader>(path, options);
  if (auto opened = reader->open(); !opened) return std::unexpected(opened.error());
  return reader;
}

}  // namespace stethos::recordings
