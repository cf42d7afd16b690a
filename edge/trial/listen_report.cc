#include "edge/trial/listen_report.h"

#include <iomanip>
#include <ostream>
#include <set>
#include <utility>

#include "common/printable.h"
#include "edge/core/cures.h"
#include "edge/trial/trial.h"
#include "edge/trial/tried_text.h"

namespace stethos::edge {
namespace {

constexpr std::size_t listed_topic_bytes_max = 120;
constexpr std::size_t listed_detail_bytes_max = 300;
constexpr int number_width = 10;

}  // namespace

Result<std::unique_ptr<ListenReport>> ListenReport::begin(const EdgeConfig& config, const PointTable& points, std::ostream& out) {
  auto core = core_without_memory(config, points);
  if (!core) return std::unexpected(core.error());
  return std::unique_ptr<ListenReport>(new ListenReport(config, points, std::move(*core), out));
}

ListenReport::Counts& ListenReport::counts_of(std::string_view topic, bool& is_new) {
  const auto known = topics_.find(topic);
  is_new = known == topics_.end() && topics_.size() < topics_counted_max;
  if (known != topics_.end()) return known->second;
  return is_new ? topics_[std::string(topic)] : others_;
}

Status ListenReport::take(const Message& message, TimeNs now_ns, bool clock_trusted) {
  Message arrived = message;
  arrived.clock_untrusted = !clock_trusted && !core_->is_stamped_by_arrival(message);
  const std::uint64_t ignored_before = core_->totals()[Counter::ignored_messages];
  const std::uint64_t duplicates_before = core_->totals()[Counter::duplicate_messages] + core_->samples().duplicate;
  const auto processed = core_->process({&arrived, 1}, now_ns, clock_trusted);
  if (!processed) return std::unexpected(processed.error());
  const Effect& effect = **processed;

  bool is_new = false;
  Counts& counts = counts_of(message.topic, is_new);
  ++messages_;
  ++counts.messages;
  const bool is_ignored = effect.totals[Counter::ignored_messages] > ignored_before;
  const bool is_copy = core_->totals()[Counter::duplicate_messages] + core_->samples().duplicate > duplicates_before;
  if (is_ignored) ++counts.ignored;
  if (is_copy) ++counts.duplicates;
  std::set<Reason> reasons;
  for (const DeadLetter& letter : effect.dead_letters) reasons.insert(letter.rejection.reason);
  for (const Reason reason : reasons) ++counts.refused[reason];
  if (!reasons.empty()) ++refused_;
  if (reasons.empty() && !is_ignored && !is_copy) ++counts.taken;
  if (!is_new || shown_ == topics_shown_max) return {};
  return show(message, now_ns, clock_trusted, effect);
}

// By itself; what is refused only because of what came before it is said behind.
Status ListenReport::show(const Message& message, TimeNs now_ns, bool clock_trusted, const Effect& effect) {
  Trial trial(config_, points_);
  const auto tried = trial.put(message, now_ns, clock_trusted);
  if (!tried) return std::unexpected(tried.error());
  if (shown_++ > 0) out_ << '\n';
  write_tried(*tried, message, config_, out_);
  if (tried->is_taken() && !effect.dead_letters.empty()) {
    const Rejection& first = effect.dead_letters.front().rejection;
    out_ << "after what came before it is refused: " << name_of(first.reason) << ": "
         << printable(first.detail, listed_detail_bytes_max) << "\ncure           " << cure_of(first.reason) << '\n';
  }
  if (shown_ == topics_shown_max) out_ << "\nof further topics messages are counted, and not shown\n";
  out_ << std::flush;
  return {};
}

void ListenReport::write_row(const std::string& topic, const Counts& counts) const {
  out_ << std::right << std::setw(number_width) << counts.messages << std::setw(number_width) << counts.taken
       << std::setw(number_width) << counts.ignored << std::setw(number_width) << counts.duplicates << "  " << topic << '\n';
  for (const auto& [reason, count] : counts.refused) {
    out_ << std::setw(4 * number_width + 4) << ""
         << "refused: " << name_of(reason) << ' ' << count << '\n';
  }
}

void ListenReport::write_table() const {
  out_ << '\n'
       << std::right << std::setw(number_width) << "messages" << std::setw(number_width) << "taken" << std::setw(number_width)
       << "ignored" << std::setw(number_width) << "copies"
       << "  topic\n";
  Counts all = others_;
  for (const auto& [topic, counts] : topics_) {
    write_row(printable(topic, listed_topic_bytes_max), counts);
    all.messages += counts.messages;
    all.taken += counts.taken;
    all.ignored += counts.ignored;
    all.duplicates += counts.duplicates;
    for (const auto& [reason, count] : counts.refused) all.refused[reason] += count;
  }
  if (others_.messages > 0) write_row("(further topics)", others_);
  write_row("all", all);
  for (const auto& [reason, count] : all.refused) out_ << "cure of " << name_of(reason) << ": " << cure_of(reason) << '\n';
}

}  // namespace stethos::edge
