#include "edge/replay/row_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <utility>

#include "common/identity.h"
#include "common/number_text.h"
#include "common/time_text.h"
#include "edge/spool/row_json.h"

namespace stethos::edge {
namespace {

constexpr std::size_t line_bytes_max = 1u << 20;

// RFC 4180.
std::string csv_text(const std::string& text) {
  if (text.find_first_of(",\"\r\n") == std::string::npos) return text;
  std::string quoted = "\"";
  for (const char c : text) quoted.append(c == '"' ? 2 : 1, c);
  return quoted + "\"";
}

}  // namespace

void RowFile::Close::operator()(std::FILE* file) const {
  if (file != stdout) std::fclose(file);
}

Result<std::unique_ptr<RowFile>> RowFile::open(const std::string& path, RowFileFormat format, std::vector<RowColumn> columns,
                                               const Parameters& parameters, FindLabels find_labels) {
  if (path == "-") {
    std::unique_ptr<RowFile> out(new RowFile(path, File(stdout), format, std::move(columns), parameters, std::move(find_labels)));
    if (format == RowFileFormat::csv) std::fputs(out->heading().c_str(), stdout);
    return out;
  }
  // Of a pipe it must not be the reader itself, or nobody would notice that there is none.
  struct stat status{};
  const bool is_regular = ::stat(path.c_str(), &status) != 0 || S_ISREG(status.st_mode);
  const int descriptor = ::open(path.c_str(), (is_regular ? O_RDWR | O_CREAT : O_WRONLY) | O_CLOEXEC, 0644);
  std::FILE* file = descriptor < 0 ? nullptr : ::fdopen(descriptor, is_regular ? "r+" : "w");
  if (file == nullptr) return fail(Code::io, "writing " + path, std::strerror(errno));
  std::unique_ptr<RowFile> out(new RowFile(path, File(file), format, std::move(columns), parameters, std::move(find_labels)));
  if (auto gone_on = out->go_on(); !gone_on) return std::unexpected(gone_on.error());
  return out;
}

// Behind the last whole line, whose number says what the file has.
Status RowFile::go_on() {
  struct stat status{};
  if (::fstat(::fileno(file_.get()), &status) != 0) return fail(Code::io, "writing " + path_, std::strerror(errno));
  if (!S_ISREG(status.st_mode)) {  // a pipe or a device has nothing to go on with
    if (format_ == RowFileFormat::csv) std::fputs(heading().c_str(), file_.get());
    return {};
  }
  auto size = static_cast<std::size_t>(status.st_size);
  const std::string doing = "going on with " + path_;
  if (format_ == RowFileFormat::csv && size > 0) {
    std::string first(std::min(size, heading().size()), '\0');
    const bool is_read = std::fread(first.data(), 1, first.size(), file_.get()) == first.size();
    if (!is_read || !heading().starts_with(first)) return fail(Code::invalid, doing, "its heading is another");
    if (size < heading().size()) size = 0;
  }
  const std::size_t read_from = size > line_bytes_max ? size - line_bytes_max : 0;
  std::string tail(size - read_from, '\0');
  std::fseek(file_.get(), static_cast<long>(read_from), SEEK_SET);
  if (std::fread(tail.data(), 1, tail.size(), file_.get()) != tail.size()) return fail(Code::io, doing, "it cannot be read");
  const auto last_end = tail.rfind('\n');
  const std::size_t whole = last_end == std::string::npos ? 0 : last_end + 1;
  if (whole == 0 && read_from > 0) return fail(Code::invalid, doing, "it does not consist of lines");
  if (whole > 0) {
    const auto line_start = last_end == 0 ? 0 : tail.rfind('\n', last_end - 1) + 1;  // npos + 1 is 0
    const std::string line = tail.substr(line_start, last_end - line_start);
    const std::string_view before = format_ == RowFileFormat::csv ? "" : "{\"number\":";
    const char* const end = line.data() + line.size();
    const bool is_heading = format_ == RowFileFormat::csv && line + "\n" == heading();
    const auto error = line.starts_with(before) ? std::from_chars(line.data() + before.size(), end, last_number_).ec
                                                : std::errc::invalid_argument;
    if (error != std::errc{} && !is_heading) return fail(Code::invalid, doing, "its last line is none of ours");
  }
  const auto keep = static_cast<off_t>(read_from + whole);
  if (::ftruncate(::fileno(file_.get()), keep) != 0) return fail(Code::io, doing, std::strerror(errno));
  std::fseek(file_.get(), 0, SEEK_END);
  number_there_ = last_number_;
  if (number_there_ > 0) there_.open(path_);
  if (format_ == RowFileFormat::csv && keep == 0) std::fputs(heading().c_str(), file_.get());
  return {};
}

// The lines before `number` were not asked for again: a replay that goes on has passed them on before.
Status RowFile::compare(std::uint64_t number, std::string_view line) {
  const std::string start = (format_ == RowFileFormat::csv ? "" : "{\"number\":") + std::to_string(number) + ",";
  for (std::string there; std::getline(there_, there);) {
    if (!there.starts_with(start)) continue;
    if (there + "\n" != line) break;
    compared_ = number;
    return {};
  }
  return fail(
      Code::invalid, "going on with " + path_,
      "its row " + std::to_string(number) +
          " is another than this replay's: it is of another recording, configuration or program. Remove it, or name another "
          "file");
}

Status RowFile::add(std::uint64_t number, schema::Bytes body) {
  const auto row = schema::open_window_row(body);
  if (!row) return std::unexpected(row.error());
  const auto labels = find_labels_((*row)->stream_version());
  if (!labels) return std::unexpected(labels.error());
  const std::string line = format_ == RowFileFormat::csv
                               ? csv_line(number, **row, *labels)
                               : "{\"number\":" + std::to_string(number) + "," +
                                     row_json(schema::RowKind::window, body, *labels, &parameters_) + "}\n";
  if (number <= number_there_) return compare(number, line);
  if (number_there_ > 0 && last_number_ == number_there_ && number > last_number_ + 1) {
    return fail(
        Code::invalid, "going on with " + path_,
        "it ends with row " + std::to_string(last_number_) + ", and this replay goes on with row " + std::to_string(number));
  }
  last_number_ = number;
  std::fwrite(line.data(), 1, line.size(), file_.get());
  return {};
}

Status RowFile::finish() const {
  if (compared_ == 0 || compared_ >= number_there_) return {};
  return fail(
      Code::invalid, "going on with " + path_,
      "it has rows up to " + std::to_string(number_there_) + ", and this replay ends with row " + std::to_string(compared_));
}

Status RowFile::sync() {
  const bool written = std::fflush(file_.get()) == 0 && std::ferror(file_.get()) == 0;
  if (!written) return fail(Code::io, "writing " + path_, std::strerror(errno));
  // What cannot be synced, a pipe or a terminal, has no disk.
  if (::fdatasync(::fileno(file_.get())) != 0 && errno != EINVAL && errno != EROFS) {
    return fail(Code::io, "writing " + path_, std::strerror(errno));
  }
  return {};
}

std::string RowFile::heading() const {
  std::string out =
      "number,device,channel,definition,kind,start,start_ns,length_ns,generation,revision,state,expected,received,good,duplicate,"
      "late,out_of_range,not_finite,rejected,shaft_hz,speed_source,recovered,incomplete,whole_start_ns,whole_length_ns,"
      "machine,quantity,unit";
  for (const auto& [statistic, parameter] : columns_) out += "," + statistic_name(statistic, parameter, &parameters_);
  return out + "\n";
}

std::string RowFile::csv_line(std::uint64_t number, const schema::WindowRow& row, const WindowLabels* labels) const {
  std::string out = std::to_string(number) + "," + csv_text(row.device()->str()) + "," + csv_text(row.channel()->str()) + "," +
                    hex_of(row.definition()) + "," + schema::EnumNameWindowKind(row.kind()) + "," + format_time(row.start_ns()) +
                    "," + std::to_string(row.start_ns()) + "," + std::to_string(row.length_ns()) + "," +
                    std::to_string(row.generation()) + "," + std::to_string(row.revision()) + "," +
                    schema::EnumNameWindowState(row.state());
  const schema::Counts& counts = *row.counts();
  for (const std::uint64_t count : {counts.expected(), counts.received(), counts.good(), counts.duplicate(), counts.late(),
                                    counts.out_of_range(), counts.not_finite(), counts.rejected()}) {
    out += "," + std::to_string(count);
  }
  const auto* speed = row.speed();
  out += speed == nullptr ? ",," : "," + number_text(speed->shaft_hz()) + "," + schema::EnumNameSpeedSource(speed->source());
  out += "," + std::to_string(counts.recovered()) + (row.incomplete() ? ",true" : ",false");
  const auto* whole = row.whole();
  out += whole == nullptr ? ",," : "," + std::to_string(whole->start_ns()) + "," + std::to_string(whole->length_ns());
  out += labels == nullptr ? ",,,"
                           : "," + csv_text(labels->machine) + "," + csv_text(labels->quantity) + "," + csv_text(labels->unit);
  for (const RowColumn& column : columns_) {
    out += ",";
    if (row.statistics() == nullptr) continue;
    const auto is_it = [&](const auto* value) { return RowColumn(value->statistic(), value->parameter()) == column; };
    const auto found = std::ranges::find_if(*row.statistics(), is_it);
    if (found != row.statistics()->end()) out += number_text(found->value());
  }
  return out + "\n";
}

}  // namespace stethos::edge
