#include "edge/put_through.h"

#include <algorithm>
#include <memory>
#include <ostream>

#include "common/printable.h"
#include "edge/core/core.h"
#include "edge/core/limits.h"

namespace stethos::edge {
namespace {

struct Tried {
  std::string stays;  // why it does; empty: it is put through
  bool is_late = false;  // that is why
};

// Empty: it may be tried.
std::string objection_to(const DeadLetter& letter) {
  switch (letter.rejection.reason) {
    case Reason::late:
      if (letter.channel.empty() || !letter.is_counted_late())
        return "which of its samples were late is not on record, and the others are counted";
      break;
    case Reason::not_finite:
    case Reason::identity_conflict:
      return "its samples are counted already";
    case Reason::clock_untrusted:
      return "nothing knows when it came";
    case Reason::bad_record:
      return "the other records of its document were taken";
    case Reason::crowded_out:
    case Reason::past_deadline:
      return "nothing of it was kept but that it came";
    case Reason::unknown_stream:
    case Reason::too_large:
    case Reason::too_many_devices:
    case Reason::epoch_too_old:
    case Reason::sequence_conflict:
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
  return samples.accounted() - samples.rejected;
}

// If it stays the core has seen what is not committed.
Result<Tried> try_again(Core& core, SqliteSpool& spool, const Message& message, TimeNs now_ns, bool clock_trusted) {
  const std::uint64_t placed_before = placed(core);
  const std::uint64_t repeated_before = core.samples().duplicate;
  const std::uint64_t duplicates_before = core.totals()[Counter::duplicate_messages];
  const auto processed = core.process({&message, 1}, now_ns, clock_trusted);
  if (!processed) return std::unexpected(processed.error());
  Effect& effect = **processed;
  // Records that can never be read keep a letter of their own, and the others need not wait for them.
  const auto refused = std::ranges::find_if(effect.dead_letters,
                                            [](const DeadLetter& each) { return each.rejection.reason != Reason::bad_record; });
  if (refused != effect.dead_letters.end()) {
    const Rejection& rejection = refused->rejection;
    return Tried{std::string(name_of(rejection.reason)) + ": " + printable(rejection.detail), rejection.reason == Reason::late};
  }
  if (effect.totals[Counter::duplicate_messages] > duplicates_before)
    return Tried{"its number counts as handled: its device has sent it again since, or has given it up"};
  if (message.again->is_counted_late() && core.samples().duplicate > repeated_before) {
    return Tried{"it has come again since, and is counted"};
  }
  if (placed(core) == placed_before)
    return Tried{"nothing of it is read with this configuration, or its message has several records of the channel"};
  pack_rows(effect, now_ns);
  if (auto committed = spool.commit(effect); !committed) return std::unexpected(committed.error());
  return Tried{};
}

// How what no window can take any more may still be counted where it belongs.
void advise_replay(const EdgeConfig& config, std::ostream& out) {
  if (config.record_folder.empty()) {
    out << "what is too late is taken by a replay of a recording alone, and this node records nothing (record.folder)\n";
    return;
  }
  out << "what is too late is taken by a replay of what this node has recorded, by a configuration with a longer time.lateness "
         "and "
         "with another node.id (docs/replay.md):\n  stethos-edge replay --config REPLAY.toml stethos:"
      << config.record_folder << " --collector --replaces " << config.node_id << " --generation 1\n";
}

}  // namespace

Status put_through(const EdgeConfig& config, std::uint64_t config_hash, const PointTable& points, SqliteSpool& spool,
                   TimeNs now_ns, bool clock_trusted, const WhichLetters& which, std::ostream& out) {
  std::unique_ptr<Core> core;  // null: none that knows just what is committed
  bool any = false, any_is_late = false;
  for (std::int64_t id = 0;;) {
    const auto found = spool.letter_after(id);
    if (!found) return std::unexpected(found.error());
    if (!*found) break;
    const DeadLetter& letter = **found;
    id = letter.id;
    if ((which.id != 0 && which.id != id) || (!which.reason.empty() && which.reason != name_of(letter.rejection.reason)))
      continue;
    any = true;

    Tried tried{objection_to(letter), letter.rejection.reason == Reason::late};
    if (tried.stays.empty()) {
      if (core == nullptr) {
        auto saved = spool.load();
        if (!saved) return std::unexpected(saved.error());
        auto backend = kernels::make_backend(config.backend, static_cast<std::size_t>(config.statistics_threads));
        if (backend == nullptr) return fail(Code::unsupported, "starting the backend " + config.backend, "no such backend");
        core = std::make_unique<Core>(config, config_hash, points, std::move(backend), std::move(*saved), spool, "live");
      }
      Message message;
      message.topic = letter.topic;
      message.payload = letter.payload;
      message.received_ns = letter.received_ns;
      message.clock_untrusted = letter.clock_untrusted;
      message.again = &letter;
      auto again = try_again(*core, spool, message, now_ns, clock_trusted);
      if (!again) return std::unexpected(again.error());
      tried = std::move(*again);
      if (!tried.stays.empty()) core.reset();
    }
    const bool is_through = tried.stays.empty();
    any_is_late = any_is_late || (!is_through && tried.is_late);
    out << id << ' ' << name_of(letter.rejection.reason) << (is_through ? ": put through" : ": stays: " + tried.stays) << '\n';
  }
  if (!any && which.id != 0)
    return fail(Code::not_found, "putting letter " + std::to_string(which.id) + " through", "there is none");
  if (any_is_late) advise_replay(config, out);
  return {};
}

}  // namespace stethos::edge
