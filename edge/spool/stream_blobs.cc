#include "edge/spool/stream_blobs.h"

#include <bit>
#include <cstring>
#include <string>
#include <utility>

#include "edge/core/limits.h"

namespace stethos::edge {
namespace {

static_assert(std::endian::native == std::endian::little);

class Writer {
 public:
  template <class Number>
  void put(Number number) {
    static_assert(sizeof(Number) == sizeof(std::uint64_t));
    const std::size_t at = bytes_.size();
    bytes_.resize(at + sizeof(Number));
    std::memcpy(bytes_.data() + at, &number, sizeof(Number));
  }
  void put(const std::string& text) {
    put<std::uint64_t>(text.size());
    bytes_.insert(bytes_.end(), text.begin(), text.end());
  }
  void put(const Stretches& stretches) {
    put<std::uint64_t>(stretches.all().size());
    for (const Stretch& each : stretches.all()) {
      put(each.from_ns);
      put(each.to_ns);
    }
  }
  std::vector<std::uint8_t> take() { return std::move(bytes_); }

 private:
  std::vector<std::uint8_t> bytes_;
};

class Reader {
 public:
  explicit Reader(std::span<const std::uint8_t> bytes) : rest_(bytes) {}

  bool is_at_end() const { return rest_.empty(); }
  // False: the bytes end before.
  template <class Number>
  bool get(Number& number) {
    static_assert(sizeof(Number) == sizeof(std::uint64_t));
    if (rest_.size() < sizeof(Number)) return false;
    std::memcpy(&number, rest_.data(), sizeof(Number));
    rest_ = rest_.subspan(sizeof(Number));
    return true;
  }
  bool get(std::string& text) {
    std::uint64_t size = 0;
    if (!get(size) || size > rest_.size()) return false;
    text.assign(rest_.begin(), rest_.begin() + static_cast<std::ptrdiff_t>(size));
    rest_ = rest_.subspan(size);
    return true;
  }
  bool get(Stretches& stretches) {
    std::uint64_t count = 0;
    if (!get(count) || count > stretches_max) return false;
    for (std::uint64_t i = 0; i < count; ++i) {
      Stretch each;
      if (!get(each.from_ns) || !get(each.to_ns)) return false;
      stretches.add(each.from_ns, each.to_ns);
    }
    return true;
  }

 private:
  std::span<const std::uint8_t> rest_;
};

}  // namespace

std::vector<std::uint8_t> encode(const std::map<std::uint64_t, StreamClock>& clocks) {
  Writer out;
  for (const auto& [definition, clock] : clocks) {
    out.put(definition);
    out.put(clock.watermark_ns);
    out.put(clock.watermark_ns_max);
    out.put(clock.settled_ns);
    out.put(clock.settled_ns_max);
    out.put(clock.jump_from_ns);
    out.put(clock.jump_to_ns);
    out.put(static_cast<std::uint64_t>(clock.jump));
    out.put(clock.back_from_ns);
    out.put(clock.back_to_ns);
    out.put(clock.late_run);
    out.put(clock.late_run_ns);
    out.put(clock.cut_short);
    out.put(clock.away);
    out.put(clock.unshown.duplicate);
    out.put(clock.unshown.late);
    out.put(clock.unshown.rejected);
    out.put(clock.silent_from_ns);
    out.put(clock.silent_to_ns);
    out.put(clock.session_revision);
  }
  return out.take();
}

Result<std::map<std::uint64_t, StreamClock>> decode_clocks(std::span<const std::uint8_t> bytes) {
  std::map<std::uint64_t, StreamClock> clocks;
  for (Reader in(bytes); !in.is_at_end();) {
    std::uint64_t definition = 0, jump = 0;
    StreamClock clock;
    const bool is_whole = in.get(definition) && in.get(clock.watermark_ns) && in.get(clock.watermark_ns_max) &&
                          in.get(clock.settled_ns) && in.get(clock.settled_ns_max) && in.get(clock.jump_from_ns) &&
                          in.get(clock.jump_to_ns) && in.get(jump) && in.get(clock.back_from_ns) && in.get(clock.back_to_ns) &&
                          in.get(clock.late_run) && in.get(clock.late_run_ns) && in.get(clock.cut_short) && in.get(clock.away) &&
                          in.get(clock.unshown.duplicate) && in.get(clock.unshown.late) && in.get(clock.unshown.rejected) &&
                          in.get(clock.silent_from_ns) && in.get(clock.silent_to_ns) && in.get(clock.session_revision);
    if (!is_whole || jump > static_cast<std::uint64_t>(Jump::over)) {
      return fail(Code::corrupt, "reading the clocks of a stream in the spool", "one is not plausible");
    }
    clock.jump = static_cast<Jump>(jump);
    clocks.emplace(definition, clock);
  }
  return clocks;
}

std::vector<std::uint8_t> encode(const Parts& parts) {
  Writer out;
  for (const Part& part : parts) {
    const Description& of = part.description;
    out.put(part.from_ns);
    out.put(part.newest_ns);
    out.put(of.version);
    out.put(of.interval_ns);
    out.put(of.block_length);
    out.put(of.plausible_min);
    out.put(of.plausible_max);
    out.put(of.machine);
    out.put(of.quantity);
    out.put(of.unit);
  }
  return out.take();
}

Result<Parts> decode_parts(std::span<const std::uint8_t> bytes) {
  Parts parts;
  for (Reader in(bytes); !in.is_at_end();) {
    Part part;
    Description& of = part.description;
    const bool is_whole = in.get(part.from_ns) && in.get(part.newest_ns) && in.get(of.version) && in.get(of.interval_ns) &&
                          in.get(of.block_length) && in.get(of.plausible_min) && in.get(of.plausible_max) && in.get(of.machine) &&
                          in.get(of.quantity) && in.get(of.unit);
    const bool is_in_order = parts.empty() || parts.back().from_ns < part.from_ns;
    if (!is_whole || !is_in_order || of.interval_ns < 0 || parts.size() == parts_per_stream_max) {
      return fail(Code::corrupt, "reading the parts of a stream in the spool", "one is not plausible");
    }
    parts.push_back(std::move(part));
  }
  return parts;
}

}  // namespace stethos::edge
