#include "edge/spool/lane_state.h"

#include <cstring>
#include <utility>
#include <vector>

namespace stethos::edge {
namespace {

constexpr std::size_t acknowledged_ranges_max = 5'000;  // more than an answer can have

}  // namespace

std::unexpected<Error> corrupt_lane(std::string why) { return fail(Code::corrupt, "reading the spool's lanes", std::move(why)); }

Result<LaneState> read_lane(sqlite::Statement& statement, std::size_t lane) {
  const auto found = statement.bind(1, static_cast<std::int64_t>(lane)).step();
  if (!found) return std::unexpected(found.error());
  if (!*found) return corrupt_lane("one is missing");
  LaneState out;
  out.first_number = statement.unsigned_integer(0);
  out.next_number = statement.unsigned_integer(1);
  const auto blob = statement.blob(2);
  std::vector<uplink::NumberRange> ranges(blob.size() / sizeof(uplink::NumberRange));
  if (!ranges.empty()) std::memcpy(ranges.data(), blob.data(), ranges.size() * sizeof(uplink::NumberRange));
  const bool is_plausible = blob.size() % sizeof(uplink::NumberRange) == 0 && ranges.size() <= acknowledged_ranges_max &&
                            uplink::are_sorted_and_disjoint(ranges) && out.first_number > 0 &&
                            out.first_number <= out.next_number && (ranges.empty() || ranges.back().last < out.next_number);
  if (is_plausible) out.acknowledged = uplink::NumberSet(std::move(ranges));
  out.previous_number = statement.unsigned_integer(3);
  out.previous_hash = statement.unsigned_integer(4);
  out.totals.waiting = {statement.unsigned_integer(5), statement.unsigned_integer(6)};
  out.totals.history = {statement.unsigned_integer(7), statement.unsigned_integer(8)};
  statement.reset();
  if (!is_plausible) return corrupt_lane("one contradicts itself");
  return out;
}

}  // namespace stethos::edge
