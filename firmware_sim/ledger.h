// The ledger: a file of JSON lines that says what was published and what was done wrong on purpose, from which anybody can
// compute what must come out at the other end. docs/simulator.md describes the lines. Its sums are made here, in long
// double, and share no code with the statistics of the edge.
//
// Lines are collected in a bounded buffer. A failure to write is remembered and reported by the next flush. One thread.
#pragma once

#include <cstdint>
#include <cstdio>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "common/result.h"
#include "firmware_sim/misbehaviour.h"
#include "firmware_sim/sent_channel.h"

namespace stethos::firmware_sim {

inline constexpr int ledger_version = 1;

struct LedgerDevice {
  std::string device;
  std::string machine;
  Format format = Format::stethos;
  DurationNs shift_ns = 0;      // what was added to every stamp
  TimeNs first_ns = 0;          // fleet time 0, as stamped
  FaultKind fault = FaultKind::none;
  TimeNs fault_start_ns = 0;    // as stamped
};

struct LedgerHeader {
  std::uint64_t seed = 0;
  std::uint64_t epoch = 0;
  std::vector<std::string> arguments;
  std::vector<LedgerDevice> devices;
};

struct DeviceTotals {
  std::string device;
  std::uint64_t messages = 0;      // produced, each counted once however often it was sent
  std::uint64_t samples = 0;
  std::uint64_t acknowledged = 0;  // messages
  std::uint64_t given_up = 0;      // messages
  std::uint64_t resent = 0;        // sends beyond the first of a message, without the duplicates below
  std::uint64_t duplicates = 0;    // sent twice on purpose
  std::uint64_t foreign = 0;
  bool finished = false;           // all was produced, and every message is acknowledged
};

class Ledger {
 public:
  // With an empty path it keeps nothing.
  static Result<Ledger> create(const std::string& path);

  void header(const LedgerHeader& header);
  void message(std::string_view device, std::uint64_t epoch, std::uint64_t sequence, Format format,
               std::span<const SentChannel> channels);
  void misbehaviour(std::string_view device, std::uint64_t sequence, const Misbehaviour& what);
  void clock_wrong(std::string_view device, std::uint64_t sequence);
  void gave_up(std::string_view device, std::uint64_t sequence);
  void totals(std::span<const DeviceTotals> devices, bool finished);

  Status flush();

 private:
  struct Close {
    void operator()(std::FILE* file) const { std::fclose(file); }
  };
  Ledger(std::string path, std::FILE* file) : path_(std::move(path)), file_(file) {}
  void event(std::string_view kind, std::string_view device, std::uint64_t sequence, std::uint64_t by);
  void end_line();
  void write_out();

  std::string path_;
  std::unique_ptr<std::FILE, Close> file_;
  std::string buffer_;
  bool failed_ = false;
  std::map<std::string, double> shifts_;  // by device and channel: the stream's first finite value
};

}  // namespace stethos::firmware_sim
