#include "firmware_sim/ledger.h"

#include <array>
#include <cerrno>
#include <cmath>
#include <cstring>
#include <limits>

#include "firmware_sim/json_text.h"

namespace stethos::firmware_sim {
namespace {

constexpr std::size_t buffer_bytes = 1u << 20;

struct Sums {
  std::uint64_t finite = 0;
  std::uint64_t not_finite = 0;
  double min = std::numeric_limits<double>::infinity();
  double max = -std::numeric_limits<double>::infinity();
  std::array<long double, 4> powers{};  // of what is left after the shift
  long double abs = 0;
  long double sqrt_abs = 0;
};

Sums sums_of(std::span<const double> values, double shift) {
  Sums sums;
  for (const double value : values) {
    if (!std::isfinite(value)) {
      ++sums.not_finite;
      continue;
    }
    ++sums.finite;
    sums.min = std::fmin(sums.min, value);
    sums.max = std::fmax(sums.max, value);
    const long double difference = static_cast<long double>(value) - static_cast<long double>(shift);
    long double power = 1;
    for (long double& sum : sums.powers) sum += power *= difference;
    const long double absolute = std::fabs(static_cast<long double>(value));
    sums.abs += absolute;
    sums.sqrt_abs += std::sqrt(absolute);
  }
  return sums;
}

void append_key(std::string& out, std::string_view key) {
  out += out.empty() || out.back() == '{' || out.back() == '\n' ? "" : ",";
  append_json(out, key);
  out += ':';
}

template <class Value>
void append_field(std::string& out, std::string_view key, Value value) {
  append_key(out, key);
  append_json(out, value);
}

void append_flag(std::string& out, std::string_view key, bool value) {
  append_key(out, key);
  out += value ? "true" : "false";
}

// As a text, since JSON readers would cut a number of 21 digits to a double.
void append_long(std::string& out, std::string_view key, long double value) {
  std::array<char, 48> text{};
  std::snprintf(text.data(), text.size(), "%.21Lg", value);
  append_key(out, key);
  append_json(out, std::string_view(text.data()));
}

template <class Values>
void append_list(std::string& out, std::string_view key, const Values& values) {
  append_key(out, key);
  out += '[';
  for (std::size_t i = 0; i < values.size(); ++i) {
    if (i > 0) out += ',';
    append_json(out, values[i]);
  }
  out += ']';
}

std::string_view name_of(Format format) { return format == Format::json ? "json" : "stethos"; }

}  // namespace

Result<Ledger> Ledger::create(const std::string& path) {
  if (path.empty()) return Ledger(path, nullptr);
  std::FILE* file = std::fopen(path.c_str(), "wb");
  if (file == nullptr) return fail(Code::io, "creating the ledger " + path, std::strerror(errno));
  return Ledger(path, file);
}

void Ledger::write_out() {
  if (!failed_ && std::fwrite(buffer_.data(), 1, buffer_.size(), file_.get()) != buffer_.size()) failed_ = true;
  buffer_.clear();
}

void Ledger::end_line() {
  buffer_ += "}\n";
  if (buffer_.size() >= buffer_bytes) write_out();
}

Status Ledger::flush() {
  if (!file_) return {};
  write_out();
  if (std::fflush(file_.get()) != 0) failed_ = true;
  if (failed_) return fail(Code::io, "writing the ledger " + path_, std::strerror(errno));
  return {};
}

void Ledger::header(const LedgerHeader& header) {
  if (!file_) return;
  buffer_ += '{';
  append_field(buffer_, "ledger", std::string_view("stethos-sim"));
  append_field(buffer_, "version", static_cast<std::int64_t>(ledger_version));
  append_field(buffer_, "seed", header.seed);
  append_field(buffer_, "epoch", header.epoch);
  append_list(buffer_, "arguments", header.arguments);
  append_key(buffer_, "devices");
  buffer_ += '[';
  for (const LedgerDevice& device : header.devices) {
    if (&device != header.devices.data()) buffer_ += ',';
    buffer_ += '{';
    append_field(buffer_, "device", std::string_view(device.device));
    append_field(buffer_, "machine", std::string_view(device.machine));
    append_field(buffer_, "format", name_of(device.format));
    append_field(buffer_, "shift_ns", device.shift_ns);
    append_field(buffer_, "first_ns", device.first_ns);
    append_field(buffer_, "fault", firmware_sim::name_of(device.fault));
    if (device.fault != FaultKind::none) append_field(buffer_, "fault_start_ns", device.fault_start_ns);
    buffer_ += '}';
  }
  buffer_ += ']';
  end_line();
}

void Ledger::message(std::string_view device, std::uint64_t epoch, std::uint64_t sequence, Format format,
                     std::span<const SentChannel> channels) {
  if (!file_) return;
  for (const SentChannel& channel : channels) {
    const std::string stream = std::string(device) + "/" + channel.channel;
    auto known = shifts_.find(stream);
    if (known == shifts_.end()) {
      for (const double value : channel.values) {
        if (!std::isfinite(value)) continue;
        known = shifts_.emplace(stream, value).first;
        break;
      }
    }
    const double shift = known == shifts_.end() ? 0 : known->second;
    const Sums sums = sums_of(channel.values, shift);
    buffer_ += '{';
    append_field(buffer_, "device", device);
    if (format == Format::stethos) append_field(buffer_, "epoch", epoch);
    append_field(buffer_, "sequence", sequence);
    append_field(buffer_, "channel", std::string_view(channel.channel));
    append_field(buffer_, "quantity", std::string_view(channel.quantity));
    append_field(buffer_, "unit", std::string_view(channel.unit));
    append_field(buffer_, "start_ns", channel.start_ns);
    append_field(buffer_, "interval_ns", channel.interval_ns);
    append_field(buffer_, "samples", static_cast<std::uint64_t>(channel.values.size()));
    append_field(buffer_, "finite", sums.finite);
    append_field(buffer_, "not_finite", sums.not_finite);
    append_field(buffer_, "min", sums.min);
    append_field(buffer_, "max", sums.max);
    append_field(buffer_, "shift", shift);
    constexpr std::array<std::string_view, 4> names{"p1", "p2", "p3", "p4"};
    for (std::size_t i = 0; i < names.size(); ++i) append_long(buffer_, names[i], sums.powers[i]);
    append_long(buffer_, "sum_abs", sums.abs);
    append_long(buffer_, "sum_sqrt_abs", sums.sqrt_abs);
    if (!channel.times_ns.empty()) {
      append_list(buffer_, "times_ns", channel.times_ns);
      append_list(buffer_, "values", channel.values);
    }
    end_line();
  }
}

void Ledger::event(std::string_view kind, std::string_view device, std::uint64_t sequence, std::uint64_t by) {
  buffer_ += '{';
  append_field(buffer_, "event", kind);
  append_field(buffer_, "device", device);
  append_field(buffer_, "sequence", sequence);
  if (by > 0) append_field(buffer_, "by", by);
  end_line();
}

void Ledger::misbehaviour(std::string_view device, std::uint64_t sequence, const Misbehaviour& what) {
  if (!file_) return;
  if (what.dropped) event("dropped", device, sequence, 0);
  if (what.truncated) event("truncated", device, sequence, 0);
  if (what.flipped) event("flipped", device, sequence, 0);
  if (what.duplicated) event("duplicated", device, sequence, 0);
  if (what.foreign) event("foreign", device, sequence, 0);
  if (what.reordered_by > 0) event("reordered", device, sequence, what.reordered_by);
  if (what.late) event("late", device, sequence, 0);
}

void Ledger::clock_wrong(std::string_view device, std::uint64_t sequence) {
  if (file_) event("clock_wrong", device, sequence, 0);
}

void Ledger::gave_up(std::string_view device, std::uint64_t sequence) {
  if (file_) event("gave_up", device, sequence, 0);
}

void Ledger::totals(std::span<const DeviceTotals> devices, bool finished) {
  if (!file_) return;
  buffer_ += '{';
  append_key(buffer_, "totals");
  buffer_ += '[';
  for (const DeviceTotals& device : devices) {
    if (&device != devices.data()) buffer_ += ',';
    buffer_ += '{';
    append_field(buffer_, "device", std::string_view(device.device));
    append_field(buffer_, "messages", device.messages);
    append_field(buffer_, "samples", device.samples);
    append_field(buffer_, "acknowledged", device.acknowledged);
    append_field(buffer_, "given_up", device.given_up);
    append_field(buffer_, "resent", device.resent);
    append_field(buffer_, "duplicates", device.duplicates);
    append_field(buffer_, "foreign", device.foreign);
    append_flag(buffer_, "finished", device.finished);
    buffer_ += '}';
  }
  buffer_ += ']';
  append_flag(buffer_, "finished", finished);
  end_line();
}

}  // namespace stethos::firmware_sim
