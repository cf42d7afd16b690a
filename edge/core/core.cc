#include "edge/core/core.h"

#include "common/hash.h"
#include "edge/core/limits.h"
#include "schemas/envelope.h"

namespace stethos::edge {
namespace {

constexpr std::string_view program_name = "stethos-edge " STETHOS_VERSION;

}  // namespace

// Intake reads what is saved before Placing takes the streams out of it.
Core::Core(const EdgeConfig& config, std::uint64_t config_hash, PointTable points,
           std::unique_ptr<kernels::StatisticsBackend> backend, SavedState saved, Remembered& remembered, std::string_view source)
    : config_(config),
      points_(std::move(points)),
      totals_(saved.totals),
      letters_(static_cast<std::size_t>(config.spool_dead_letter_bytes_max)),
      forgetting_(config.ingest_forget_after),
      placing_(config_, letters_, points_, forgetting_, saved.definitions),
      intake_(
          config_, points_, placing_.definitions(), placing_.plans(), std::move(backend), letters_, forgetting_, remembered,
          [this](StreamId stream, TimeNs watermark_ns) { return placing_.rows_due(stream, watermark_ns); }, saved) {
  placing_.restore(std::move(saved.streams), saved.samples_forgotten);
  schema::ProvenanceRowT row;
  row.program = program_name;
  row.backend = intake_.backend_variant();
  row.config_hash = config_hash;
  row.schema_major = schema::version_major;
  row.schema_minor = schema::version_minor;
  row.source = source;
  row.parameters = placing_.parameters().texts();
  provenance_ = row.id = hash_of(schema::pack(row));
  placing_.set_provenance(provenance_);
  if (provenance_ != saved.provenance) provenance_row_ = schema::pack(row);
}

Result<Effect*> Core::process(std::span<const Message> batch, TimeNs now_ns, bool clock_trusted) {
  effect_ = Effect{};
  effect_.now_ns = now_ns;
  effect_.clock_trusted = clock_trusted;
  effect_.totals = totals_;
  effect_.provenance = provenance_;
  if (!provenance_row_.empty()) {
    effect_.rows.push_back({schema::Lane::notes, schema::RowKind::provenance, std::exchange(provenance_row_, {})});
    effect_.changed = true;
  }
  forgetting_.begin_batch(now_ns, clock_trusted);
  letters_.begin(batch, effect_);
  const auto taken = intake_.take(batch, arrivals_, effect_);
  if (!taken) return std::unexpected(taken.error());
  effect_.messages = *taken;
  if (auto placed = placing_.take(arrivals_, intake_.samples_decoded(), effect_); !placed) return std::unexpected(placed.error());
  intake_.forget(effect_);
  effect_.changed = effect_.changed || effect_.messages > 0 || !effect_.streams.empty() || !effect_.panes.empty() ||
                    !effect_.alarms.empty() || !effect_.devices.empty() || !effect_.forgotten_devices.empty();
  totals_ = effect_.totals;
  return &effect_;
}

void Core::keep_all_that_may_return(Effect& effect) const {
  auto all = intake_.may_return(redeliveries_remembered_max);
  if (all.size() <= effect.may_return.size()) return;
  effect.may_return = std::move(all);
  effect.changed = true;
}

}  // namespace stethos::edge
