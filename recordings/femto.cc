#include "recordings/femto.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <deque>
#include <filesystem>
#include <optional>
#include <utility>
#include <vector>

#include "recordings/snapshot_rows.h"
#include "recordings/text_file.h"

namespace stethos::recordings {
namespace {

static_assert(text_file_padding_bytes >= snapshot_rows_padding_bytes);

constexpr double interval_ns = snapshot_two_intervals_ns / 2.0;
constexpr std::size_t pause_rows_max = 63;
constexpr DurationNs day_ns = 86'400 * ns_per_s;
constexpr DurationNs half_day_ns = day_ns / 2;

// The files of one kind, in the order of their numbers.
Result<std::vector<std::string>> list_files(const std::string& folder, std::string_view prefix) {
  std::vector<std::pair<std::uint64_t, std::string>> found;
  std::error_code error;
  std::filesystem::directory_iterator entries(folder, error);
  if (error) return fail(Code::not_found, "reading " + folder, error.message());
  for (const auto& entry : entries) {
    const std::string name = entry.path().filename().string();
    if (!name.starts_with(prefix) || !name.ends_with(".csv")) continue;
    const std::string digits = name.substr(prefix.size(), name.size() - prefix.size() - 4);
    std::uint64_t number = 0;
    const auto [end, failed] = std::from_chars(digits.data(), digits.data() + digits.size(), number);
    if (failed != std::errc{} || end != digits.data() + digits.size()) {
      return fail(Code::invalid, "reading " + entry.path().string(),
                  "expected digits between \"" + std::string(prefix) + "\" and \".csv\"");
    }
    found.emplace_back(number, entry.path().string());
  }
  std::ranges::sort(found);
  std::vector<std::string> paths;
  paths.reserve(found.size());
  for (auto& [number, path] : found) paths.push_back(std::move(path));
  return paths;
}

// Gives times of day their dates.
class Calendar {
 public:
  explicit Calendar(TimeNs date_ns) : date_ns_(date_ns) {}

  TimeNs place(DurationNs time_of_day) const {
    if (!latest_ns_) return date_ns_ + time_of_day;
    const TimeNs same_day = date_ns_ + time_of_day;
    const DurationNs ahead = same_day - *latest_ns_ + half_day_ns;
    const std::int64_t days = ahead >= 0 ? ahead / day_ns : -((day_ns - 1 - ahead) / day_ns);
    return same_day - days * day_ns;
  }
  void note(TimeNs time) { latest_ns_ = std::max(latest_ns_.value_or(time), time); }

 private:
  TimeNs date_ns_;
  std::optional<TimeNs> latest_ns_;
};

// Hour, minute and second of a row.
Result<DurationNs> whole_seconds(const TextFile& file, const std::string_view* fields) {
  const auto hour = file.integer(fields[0], "hour", 0, 23);
  if (!hour) return std::unexpected(hour.error());
  const auto minute = file.integer(fields[1], "minute", 0, 59);
  if (!minute) return std::unexpected(minute.error());
  const auto second = file.integer(fields[2], "second", 0, 59);
  if (!second) return std::unexpected(second.error());
  return ((*hour * 60 + *minute) * 60 + *second) * ns_per_s;
}

// `part` counts `part_ns` each. None: out of range. The upper end is allowed: 999,998 us is written 1e+06.
std::optional<DurationNs> part_of_second(double part, DurationNs part_ns, double part_max) {
  if (part < 0 || part > part_max) return std::nullopt;
  const double ns = part * static_cast<double>(part_ns);
  const auto whole = static_cast<DurationNs>(ns);
  return static_cast<double>(whole) == ns ? whole : std::llround(ns);
}

Result<DurationNs> time_of_day(const TextFile& file, const std::string_view* fields, DurationNs part_ns, double part_max) {
  const auto seconds = whole_seconds(file, fields);
  if (!seconds) return seconds;
  const auto part = file.number(fields[3], "part of a second");
  if (!part) return std::unexpected(part.error());
  const auto part_of = part_of_second(*part, part_ns, part_max);
  if (!part_of) return file.refuse("part of a second \"" + std::string(fields[3]) + "\" is out of range");
  return *seconds + *part_of;
}

// A row of a snapshot.
class SnapshotRow {
 public:
  DurationNs stamp_ns = 0;
  double horizontal = 0;
  double vertical = 0;

  // The next row, with every check. False at the end.
  Result<bool> read(TextFile& file) {
    std::string_view line;
    if (!file.next_line(line)) return false;
    if (separator_ == 0) separator_ = line.find(';') != std::string_view::npos ? ';' : ',';
    std::array<std::string_view, 6> fields;
    if (auto cut = file.split(line, separator_, fields); !cut) return std::unexpected(cut.error());
    const auto stamp = time_of_day(file, fields.data(), ns_per_us, part_max);
    if (!stamp) return std::unexpected(stamp.error());
    const auto across = file.sample(fields[4], "horizontal acceleration");
    if (!across) return std::unexpected(across.error());
    const auto upright = file.sample(fields[5], "vertical acceleration");
    if (!upright) return std::unexpected(upright.error());
    stamp_ns = *stamp;
    horizontal = *across;
    vertical = *upright;
    form_ = RowForm(line.substr(0, static_cast<std::size_t>(fields[3].data() - line.data())), fields[3], separator_);
    whole_second_ns_ = *whole_seconds(file, fields.data());
    return true;
  }

  // Of the row that was read last, and the time of day of its whole second.
  const RowForm& form() const { return form_; }
  DurationNs whole_second_ns() const { return whole_second_ns_; }

 private:
  static constexpr double part_max = 1e6;  // us

  char separator_ = 0;
  RowForm form_;
  DurationNs whole_second_ns_ = 0;
};

DurationNs without_midnight(DurationNs difference) { return difference < -half_day_ns ? difference + day_ns : difference; }

class FemtoReader final : public Recording {
 public:
  FemtoReader(std::vector<std::string> snapshots, std::vector<std::string> temperatures, TimeNs date_ns)
      : snapshots_(std::move(snapshots)), temperatures_(std::move(temperatures)), calendar_(date_ns) {}

  Result<bool> next(Record& record) override {
    if (waiting_snapshots_.empty() && snapshot_index_ < snapshots_.size()) {
      if (auto read = read_snapshot(snapshots_[snapshot_index_++]); !read) return std::unexpected(read.error());
    }
    if (waiting_temperatures_.empty() && temperature_index_ < temperatures_.size()) {
      if (auto read = read_temperatures(temperatures_[temperature_index_++]); !read) return std::unexpected(read.error());
    }
    if (waiting_snapshots_.empty() && waiting_temperatures_.empty()) return false;
    const auto due_ns = [](const std::deque<Record>& waiting) { return last_sample_ns(waiting.front().channels.front()); };
    const bool snapshot_first = waiting_temperatures_.empty() ||
                                (!waiting_snapshots_.empty() && due_ns(waiting_snapshots_) <= due_ns(waiting_temperatures_));
    auto& from = snapshot_first ? waiting_snapshots_ : waiting_temperatures_;
    record = std::move(from.front());
    from.pop_front();
    return true;
  }

  // Files.
  Progress progress() const override { return {snapshot_index_ + temperature_index_, snapshots_.size() + temperatures_.size()}; }

 private:
  static char separator_of(std::string_view line) { return line.find(';') != std::string_view::npos ? ';' : ','; }

  Status read_snapshot(const std::string& path) {
    if (auto loaded = file_.load(path); !loaded) return loaded;
    ChannelData horizontal{"horizontal", "acceleration", "g", 0, interval_ns, {}, {}};
    ChannelData vertical{"vertical", "acceleration", "g", 0, interval_ns, {}, {}};
    horizontal.samples.reserve(snapshot_samples_);
    vertical.samples.reserve(snapshot_samples_);
    SnapshotRow row;
    DurationNs first_ns = 0;
    std::size_t pause_rows = 0;
    std::size_t rows_until_tried = 0;
    while (true) {
      const auto more = row.read(file_);
      if (!more) return std::unexpected(more.error());
      if (!*more) break;
      const std::size_t index = horizontal.samples.size();
      if (index == 0) first_ns = row.stamp_ns;
      if (std::abs(without_midnight(row.stamp_ns - first_ns) - snapshot_sample_ns(index)) > snapshot_stamp_error_ns_max) {
        return file_.refuse("its stamp is more than 1 ms away from where 25.6 kHz puts it");
      }
      horizontal.samples.push_back(row.horizontal);
      vertical.samples.push_back(row.vertical);
      // Those that follow are mostly like it. Where they are not, it is tried ever more rarely.
      if (rows_until_tried > 0) {
        --rows_until_tried;
        continue;
      }
      const DurationNs first_in_second_ns = -without_midnight(row.whole_second_ns() - first_ns);
      do {
        read_alike_rows(file_.rest(), row.form(), first_in_second_ns, horizontal.samples.size(), alike_);
        file_.pass_lines(alike_.bytes, alike_.count);
        const auto count = static_cast<std::ptrdiff_t>(alike_.count);
        horizontal.samples.insert(horizontal.samples.end(), alike_.horizontal.begin(), alike_.horizontal.begin() + count);
        vertical.samples.insert(vertical.samples.end(), alike_.vertical.begin(), alike_.vertical.begin() + count);
      } while (alike_.count == AlikeRows::count_max);
      pause_rows = horizontal.samples.size() > index + 1 ? 0 : std::min(2 * pause_rows + 1, pause_rows_max);
      rows_until_tried = pause_rows;
    }
    snapshot_samples_ = horizontal.samples.size();
    if (horizontal.samples.empty()) return file_.refuse("it is empty");
    horizontal.start_ns = vertical.start_ns = calendar_.place(first_ns);
    calendar_.note(horizontal.start_ns);
    Record record;
    record.channels.push_back(std::move(horizontal));
    record.channels.push_back(std::move(vertical));
    waiting_snapshots_.push_back(std::move(record));
    return {};
  }

  Status read_temperatures(const std::string& path) {
    if (auto loaded = file_.load(path); !loaded) return loaded;
    std::string_view line;
    std::array<std::string_view, 5> fields;
    char separator = 0;
    while (file_.next_line(line)) {
      if (separator == 0) separator = separator_of(line);
      if (auto cut = file_.split(line, separator, fields); !cut) return cut;
      const auto stamp_ns = time_of_day(file_, fields.data(), ns_per_s / 10, 10);
      if (!stamp_ns) return std::unexpected(stamp_ns.error());
      const auto temperature = file_.sample(fields[4], "temperature");
      if (!temperature) return std::unexpected(temperature.error());
      const TimeNs time_ns = calendar_.place(*stamp_ns);
      calendar_.note(time_ns);
      if (waiting_temperatures_.empty() || time_ns < waiting_temperatures_.back().channels.front().times_ns.back()) {
        waiting_temperatures_.push_back(Record{{ChannelData{"temperature", "temperature", "degC", time_ns, 0, {}, {}}}});
      }
      ChannelData& channel = waiting_temperatures_.back().channels.front();
      channel.times_ns.push_back(time_ns);
      channel.samples.push_back(*temperature);
    }
    if (waiting_temperatures_.empty()) return file_.refuse("it is empty");
    return {};
  }

  std::vector<std::string> snapshots_;
  std::vector<std::string> temperatures_;
  std::size_t snapshot_index_ = 0;
  std::size_t temperature_index_ = 0;
  std::size_t snapshot_samples_ = 0;  // of the one before
  Calendar calendar_;
  TextFile file_;
  AlikeRows alike_;
  std::deque<Record> waiting_snapshots_;     // of one file
  std::deque<Record> waiting_temperatures_;  // of one file
};

}  // namespace

Result<std::unique_ptr<Recording>> open_femto(const std::string& folder, const FemtoOptions& options) {
  auto snapshots = list_files(folder, "acc_");
  if (!snapshots) return std::unexpected(snapshots.error());
  auto temperatures = list_files(folder, "temp_");
  if (!temperatures) return std::unexpected(temperatures.error());
  if (snapshots->empty()) return fail(Code::not_found, "reading " + folder, "no file acc_NNNNN.csv in it");
  return std::make_unique<FemtoReader>(*std::move(snapshots), *std::move(temperatures), options.date_ns);
}

}  // namespace stethos::recordings
