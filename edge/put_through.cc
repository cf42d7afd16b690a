#include "edge/put_through.h"

#include <algorithm>
#include <memory>
#include <ostream>

#include "edge/core/core.h"
#include "edge/core/limits.h"

namespace stethos::edge {
namespace {

// Empty: it may be tried.
std::string objection_to(const DeadLetter& letter) {
  switch (letter.rejection.reason) {
    case Reason::late:
    case Reason::not_finite:
    case Reason::identity_conflict:
      return "its samples are counted already";
    case Reason::clock_untrusted:
      return "nothing knows when it came";
    case Reason::crowded_out:
      return "nothing of it was kept but that it came";
    case Reason::too_many_devices:
    case Reason::epoch_too_old:
    case Reason::stopped_the_process:
      break;
    default:
      // A message of a known device had parts that were taken.
      if (!letter.device.empty() && letter.channel.empty()) return "what of it was refused is not on record";
  }
  if (letter.payload.size() < letter.payload_bytes) return "its payload was not kept whole";
  if (letter.topic.size() >= letter_topic_bytes_max) return "its topic was not kept whole";
  return {};
}

// What has been done with samples but for those that were refused.
std::uint64_t placed(const Core& core) {
  const SampleCounts samples = core.samples();
  return samples.received() - samples.rejected;
}

// Empty: it is put through, and committed. Otherwise why not, and the core has seen what is not committed.
Result<std::string> try_again(Core& core, SqliteSpool& spool, const Message& message, TimeNs now_ns, bool clock_trusted) {
  const std::uint64_t placed_before = placed(core);
  const std::uint64_t duplicates_before = core.totals()[Counter::duplicate_messages];
  const auto processed = core.process({&message, 1}, now_ns, clock_trusted);
  if (!processed) return std::unexpected(processed.error());
  Effect& effect = **processed;
  if (!effect.dead_letters.empty()) {
    const Rejection& rejection = effect.dead_letters.front().rejection;
    return std::string(name_of(rejection.reason)) + ": " + rejection.detail;
  }
  if (effect.totals[Counter::duplicate_messages] > duplicates_before) return "its device has sent it again since";
  if (placed(core) == placed_before) return "nothing of it is read with this configuration";
  pack_rows(effect, now_ns);
  if (auto committed = spool.commit(effect); !committed) return std::unexpected(committed.error());
  return std::string();
}

}  // namespace

Status put_through(const EdgeConfig& config, std::uint64_t config_hash, const PointTable& points, SqliteSpool& spool,
                   TimeNs now_ns, bool clock_trusted, const WhichLetters& which, std::ostream& out) {
  std::unique_ptr<Core> core;  // null: none that knows just what is committed
  for (std::int64_t id = 0;;) {
    const auto found = spool.letter_after(id);
    if (!found) return std::unexpected(found.error());
    if (!*found) return {};
    const DeadLetter& letter = **found;
    id = letter.id;
    if ((which.id != 0 && which.id != id) || (!which.reason.empty() && which.reason != name_of(letter.rejection.reason)))
      continue;

    std::string stays = objection_to(letter);
    if (stays.empty()) {
      if (core == nullptr) {
        auto saved = spool.load();
        if (!saved) return std::unexpected(saved.error());
        auto backend = kernels::make_backend(config.backend, static_cast<std::size_t>(config.statistics_threads));
        if (backend == nullptr) return fail(Code::not_found, "starting the backend " + config.backend, "no such backend");
        core = std::make_unique<Core>(config, config_hash, points, std::move(backend), std::move(*saved), spool, "live");
      }
      Message message;
      message.topic = letter.topic;
      message.payload = letter.payload;
      message.received_ns = letter.received_ns;
      message.again = &letter;
      auto tried = try_again(*core, spool, message, now_ns, clock_trusted);
      if (!tried) return std::unexpected(tried.error());
      stays = std::move(*tried);
      if (!stays.empty()) core.reset();
    }
    out << id << ' ' << name_of(letter.rejection.reason) << (stays.empty() ? ": put through" : ": stays: " + stays) << '\n';
  }
}

}  // namespace stethos::edge
