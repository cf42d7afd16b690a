#include "common/time_text.h"

#include <array>
#include <charconv>
#include <chrono>
#include <cmath>
#include <cstdio>

namespace stethos {
namespace {

struct Unit {
  std::string_view name;
  DurationNs ns;
};
// Longest first, as format_duration tries them; "ms" before "m" would not matter, since a unit is compared whole.
constexpr std::array<Unit, 7> units{{{"d", 86'400 * ns_per_s},
                                     {"h", 3'600 * ns_per_s},
                                     {"m", 60 * ns_per_s},
                                     {"s", ns_per_s},
                                     {"ms", ns_per_ms},
                                     {"us", ns_per_us},
                                     {"ns", 1}}};

class Scanner {
 public:
  explicit Scanner(std::string_view text) : rest_(text) {}

  // Exactly `digits` decimal digits.
  bool number(std::size_t digits, int& out) {
    if (rest_.size() < digits) return false;
    const auto part = rest_.substr(0, digits);
    const auto [end, error] = std::from_chars(part.data(), part.data() + part.size(), out);
    if (error != std::errc{} || end != part.data() + part.size() || part.front() == '-') return false;
    rest_.remove_prefix(digits);
    return true;
  }
  bool literal(std::string_view any_of) {
    if (rest_.empty() || any_of.find(rest_.front()) == std::string_view::npos) return false;
    rest_.remove_prefix(1);
    return true;
  }
  char peek() const { return rest_.empty() ? '\0' : rest_.front(); }
  bool done() const { return rest_.empty(); }

 private:
  std::string_view rest_;
};

}  // namespace

Result<WrittenTime> parse_written_time(std::string_view text) {
  const auto refuse = [&](std::string why) {
    return fail(Code::invalid, "reading the time \"" + std::string(text) + "\"", std::move(why));
  };
  Scanner scan(text);
  int year = 0, month = 0, day = 0, hour = 0, minute = 0, second = 0;
  if (!scan.number(4, year) || !scan.literal("-") || !scan.number(2, month) || !scan.literal("-") || !scan.number(2, day)) {
    return refuse("expected YYYY-MM-DD");
  }
  std::int64_t fraction_ns = 0;
  int zone_minutes = 0;
  bool has_zone = false;
  if (!scan.done()) {
    if (!scan.literal("Tt ") || !scan.number(2, hour) || !scan.literal(":") || !scan.number(2, minute))
      return refuse("expected Thh:mm");
    if (scan.literal(":")) {
      if (!scan.number(2, second)) return refuse("expected seconds");
      if (scan.literal(".,")) {
        std::int64_t place = ns_per_s / 10;
        int digit = 0;
        if (!scan.number(1, digit)) return refuse("expected a fraction");
        do {
          if (place == 0) return refuse("more than nine digits of fraction");
          fraction_ns += digit * place;
          place /= 10;
        } while (scan.number(1, digit));
      }
    }
    has_zone = !scan.done();
    if (!scan.literal("Zz") && !scan.done()) {
      const int sign = scan.peek() == '-' ? -1 : 1;
      int zone_hour = 0, zone_minute = 0;
      if (!scan.literal("+-") || !scan.number(2, zone_hour)) return refuse("expected Z or +hh:mm");
      const bool has_minutes = scan.literal(":") || !scan.done();
      if ((has_minutes && !scan.number(2, zone_minute)) || zone_hour > 15 || zone_minute > 59)
        return refuse("expected Z or +hh:mm");
      zone_minutes = sign * (zone_hour * 60 + zone_minute);
    }
    if (!scan.done()) return refuse("something follows the time");
  }
  const std::chrono::year_month_day date{std::chrono::year(year), std::chrono::month(static_cast<unsigned>(month)),
                                         std::chrono::day(static_cast<unsigned>(day))};
  if (!date.ok() || hour > 23 || minute > 59 || second > 59) return refuse("no such date or time of day");
  if (year < 1678 || year > 2261) return refuse("outside 1678 to 2261");
  const std::int64_t days = std::chrono::sys_days(date).time_since_epoch().count();
  const TimeNs time = ((days * 24 + hour) * 60 + minute - zone_minutes) * 60 * ns_per_s + second * ns_per_s + fraction_ns;
  return WrittenTime{time, has_zone};
}

Result<TimeNs> parse_time(std::string_view text) {
  const auto written = parse_written_time(text);
  if (!written) return std::unexpected(written.error());
  return written->time_ns;
}

std::string format_time(TimeNs time) {
  // The midnight before the first time there is cannot be said in nanoseconds.
  const std::chrono::sys_seconds second(std::chrono::floor<std::chrono::seconds>(std::chrono::nanoseconds(time)));
  const auto midnight = std::chrono::floor<std::chrono::days>(second);
  const std::chrono::year_month_day date(midnight);
  const std::chrono::hh_mm_ss clock(second - midnight);
  const TimeNs ns = (time % ns_per_s + ns_per_s) % ns_per_s;
  std::array<char, 48> out{};
  const bool whole_ms = ns % ns_per_ms == 0;
  std::snprintf(out.data(), out.size(), "%04d-%02u-%02uT%02d:%02d:%02d.%0*lldZ", static_cast<int>(date.year()),
                static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()), static_cast<int>(clock.hours().count()),
                static_cast<int>(clock.minutes().count()), static_cast<int>(clock.seconds().count()), whole_ms ? 3 : 9,
                static_cast<long long>(whole_ms ? ns / ns_per_ms : ns));
  return out.data();
}

Result<DurationNs> parse_duration(std::string_view text) {
  const auto refuse = [&](std::string why) {
    return fail(Code::invalid, "reading the duration \"" + std::string(text) + "\"", std::move(why));
  };
  double value = 0;
  const char* first = text.data();
  if (text.starts_with('+') && !text.starts_with("+-")) ++first;
  const auto [end, error] = std::from_chars(first, text.data() + text.size(), value);
  if (error != std::errc{} || !std::isfinite(value)) return refuse("expected a number and a unit, as in 250ms");
  const std::string_view name(end, static_cast<std::size_t>(text.data() + text.size() - end));
  if (name.empty() && value == 0) return 0;
  for (const auto& unit : units) {
    if (name != unit.name) continue;
    const double ns = value * static_cast<double>(unit.ns);
    if (std::abs(ns) > 9.2e18) return refuse("longer than 292 years");
    return static_cast<DurationNs>(std::llround(ns));
  }
  return refuse("its unit is none of ns, us, ms, s, m, h, d");
}

std::string format_duration(DurationNs duration) {
  if (duration == 0) return "0s";
  for (const auto& unit : units) {
    if (duration % unit.ns == 0) return std::to_string(duration / unit.ns) + std::string(unit.name);
  }
  STETHOS_CHECK(false, "every duration is a number of ns");
}

std::string format_roughly(DurationNs duration) {
  constexpr DurationNs year_ns = DurationNs{365} * 86'400 * ns_per_s;
  constexpr std::array<Unit, 6> spoken{{{" years", year_ns},
                                        {" d", 86'400 * ns_per_s},
                                        {" h", 3'600 * ns_per_s},
                                        {" min", 60 * ns_per_s},
                                        {" s", ns_per_s},
                                        {" ms", ns_per_ms}}};
  for (std::size_t i = 0; i < spoken.size(); ++i) {
    if (duration < spoken[i].ns) continue;
    std::string text = std::to_string(duration / spoken[i].ns) + std::string(spoken[i].name);
    if (i + 1 == spoken.size()) return text;
    const DurationNs rest = duration % spoken[i].ns / spoken[i + 1].ns;
    return rest > 0 ? text + ' ' + std::to_string(rest) + std::string(spoken[i + 1].name) : text;
  }
  return "less than 1 ms";
}

}  // namespace stethos
