#include "firmware_sim/misbehaviour.h"

#include <array>

#include "common/result.h"

namespace stethos::firmware_sim {
namespace {

constexpr std::array<std::string_view, 6> foreign_texts{"hello",
                                                        "{\"not\":\"ours\"}",
                                                        "[1,2,3]",
                                                        "<temperature>21.5</temperature>",
                                                        "{\"device\":\"x\",\"ts\":\"yesterday\",\"temperature\":\"hot\"}",
                                                        "{\"device\":\"x\",\"ts\":17"};
constexpr std::size_t foreign_bytes_max = 300;

}  // namespace

Random random_for(std::uint64_t seed, std::string_view purpose, std::string_view device, std::uint64_t sequence) {
  return Random(seed_for(seed, purpose, device, sequence));
}

Misbehaviour draw_misbehaviour(const MisbehaviourOptions& options, std::uint64_t seed, std::string_view device,
                               std::uint64_t sequence) {
  Random random = random_for(seed, "misbehaviour", device, sequence);
  // Each is drawn whether or not it is asked for, so that asking for one does not change another.
  const bool duplicated = random.chance(options.duplicate);
  const bool foreign = random.chance(options.foreign);
  const bool dropped = random.chance(options.drop);
  const bool cut = random.chance(options.truncate);
  const bool flip = random.chance(options.flip);
  const bool reordered = random.chance(options.reorder);
  const std::uint64_t by = 1 + random.below(options.reorder_window);
  const bool late = random.chance(options.late);
  Misbehaviour out;
  out.duplicated = duplicated;
  out.foreign = foreign;
  out.dropped = dropped;
  out.truncated = cut && !dropped;
  out.flipped = flip && !dropped && !cut;
  out.late = late;
  out.reordered_by = reordered && !late ? by : 0;
  return out;
}

std::vector<std::uint8_t> truncated(std::span<const std::uint8_t> payload, Random& random) {
  STETHOS_CHECK(payload.size() >= 2, "a payload that can be cut");
  const auto kept = payload.first(1 + static_cast<std::size_t>(random.below(payload.size() - 1)));
  return {kept.begin(), kept.end()};
}

std::vector<std::uint8_t> flipped(std::span<const std::uint8_t> payload, Format format, Random& random) {
  STETHOS_CHECK(!payload.empty(), "a payload that can be changed");
  std::vector<std::uint8_t> out(payload.begin(), payload.end());
  const std::size_t at = static_cast<std::size_t>(random.below(out.size()));
  const unsigned bit = format == Format::json ? 7 : static_cast<unsigned>(random.below(8));
  out[at] = static_cast<std::uint8_t>(out[at] ^ (1u << bit));
  return out;
}

std::vector<std::uint8_t> foreign_payload(Random& random) {
  const std::uint64_t kind = random.below(foreign_texts.size() + 2);
  if (kind < foreign_texts.size()) {
    const std::string_view text = foreign_texts[kind];
    return {text.begin(), text.end()};
  }
  std::vector<std::uint8_t> bytes(8 + static_cast<std::size_t>(random.below(foreign_bytes_max - 8)));
  for (auto& byte : bytes) byte = static_cast<std::uint8_t>(random.bits());
  // The second kind of noise bears the mark of our batches.
  if (kind == foreign_texts.size() + 1) {
    constexpr std::string_view mark = "STDB";
    for (std::size_t i = 0; i < mark.size(); ++i) bytes[4 + i] = static_cast<std::uint8_t>(mark[i]);
  }
  return bytes;
}

}  // namespace stethos::firmware_sim
