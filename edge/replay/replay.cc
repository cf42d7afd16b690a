#include "edge/replay/replay.h"

#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <map>
#include <optional>

#include "common/identity.h"
#include "common/log.h"
#include "common/number_text.h"
#include "common/signals.h"
#include "common/time_text.h"
#include "edge/core/core.h"
#include "edge/never_defined.h"
#include "edge/pipeline.h"
#include "edge/refusal_warnings.h"
#include "edge/replay/describe.h"
#include "edge/replay/own_points.h"
#include "edge/replay/progress_line.h"
#include "edge/replay/recording_port.h"
#include "edge/replay/report_data.h"
#include "edge/replay/report_page.h"
#include "edge/replay/report_table.h"
#include "edge/replay/row_output.h"
#include "edge/spool/sqlite_spool.h"

namespace stethos::edge {
namespace {

// A file of the spool, with those beside it, that goes when the replay ends unless it was given a name.
class SpoolFile {
 public:
  explicit SpoolFile(const std::string& named)
      : is_temporary_(named.empty()),
        path_(!is_temporary_
                  ? named
                  : (std::filesystem::temp_directory_path() / ("stethos-replay-" + random_identity() + ".db")).string()) {}
  SpoolFile(const SpoolFile&) = delete;
  SpoolFile& operator=(const SpoolFile&) = delete;
  ~SpoolFile() {
    std::error_code ignored;
    for (const char* suffix : {"", "-wal", "-shm", ".lock"}) {
      if (is_temporary_) std::filesystem::remove(path_ + suffix, ignored);
    }
  }
  const std::string& path() const { return path_; }

 private:
  bool is_temporary_;
  std::string path_;
};

// A page may be written anew; anything else that is there stays.
Status may_write_page(const std::string& path) {
  std::error_code error;
  const auto status = std::filesystem::status(path, error);
  if (!std::filesystem::exists(status)) return {};
  std::string beginning(report_beginning.size(), '\0');
  if (std::filesystem::is_regular_file(status))
    std::ifstream(path, std::ios::binary).read(beginning.data(), std::ssize(beginning));
  if (beginning == report_beginning) return {};
  return fail(Code::invalid, "writing " + path, "it is there, and is no report: it stays as it is");
}

// Whole or not at all.
Exit write_page(const std::string& path, const std::string& text) {
  const std::string beside = path + ".new";
  std::ofstream file(beside, std::ios::binary | std::ios::trunc);
  file.write(text.data(), static_cast<std::streamsize>(text.size()));
  file.close();
  std::error_code error;
  if (file) std::filesystem::rename(beside, path, error);
  if (file && !error) return Exit::ok;
  return stop_with(Exit::output, {Code::io, "writing " + path, error ? error.message() : "the disk refused it"});
}

// Rows of windows that are left to the node.
struct LeftToNode {
  std::uint64_t without_length = 0;
  std::uint64_t not_final = 0;
  std::uint64_t not_settled = 0;
};

// Of another node there are just its windows to be replaced, where a time names them: a session or a window of a number of
// samples that begins elsewhere would stand beside those of the node. One that the node may still revise, or of which it may
// still send a part, stays its own.
void leave_what_is_live(Effect& effect, TimeNs settled_ns, LeftToNode& left) {
  std::erase_if(effect.windows, [&](const schema::WindowRowT& row) {
    const bool is_on_grid = row.kind == schema::WindowKind::tumbling || row.kind == schema::WindowKind::hopping;
    const TimeNs end = row.whole == nullptr ? row.start_ns + row.length_ns : row.whole->start_ns + row.whole->length_ns;
    std::uint64_t* const why = !is_on_grid                               ? &left.without_length
                               : row.state != schema::WindowState::final ? &left.not_final
                               : end > settled_ns                        ? &left.not_settled
                                                                         : nullptr;
    if (why != nullptr) ++*why;
    return why != nullptr;
  });
  std::erase_if(effect.rows,
                [](const NewRow& row) { return row.kind != schema::RowKind::stream && row.kind != schema::RowKind::provenance; });
  effect.alarm_rows.clear();
  effect.silences.clear();
}

}  // namespace

Exit replay(const settings::Loaded<EdgeConfig>& loaded, ReplayOptions options) {
  EdgeConfig config = loaded.config;
  catch_stop_signals();
  if (options.replaces == config.node_id) {
    return stop_with(Exit::config, {Code::invalid, "replacing the windows of " + options.replaces,
                                    "that is the node.id of the configuration: it must be another"});
  }
  if (options.dry_run) {
    const auto feed = open_feed(options.feed);
    return feed ? describe(**feed) : stop_with(Exit::recording, feed.error());
  }

  if (!options.html.empty()) {
    if (auto may = may_write_page(options.html); !may) return stop_with(Exit::output, may.error());
  }
  auto points = points_of(config, options);
  if (!points) {
    // Of what the recording says there is nothing where it cannot be read.
    if (const auto readable = open_feed(options.feed); !readable) return stop_with(Exit::recording, readable.error());
    for (const Error& error : points.error()) spdlog::error("{}", error.text());
    return Exit::config;
  }
  auto backend = kernels::make_backend(config.backend, static_cast<std::size_t>(config.statistics_threads));
  if (backend == nullptr)
    return stop_with(Exit::backend, {Code::not_found, "starting the backend " + config.backend, "no such backend"});

  const SpoolFile file(options.spool);
  const auto spool =
      SqliteSpool::open(file.path(), {.bytes_max = spool_bytes_max(options), .forgotten_max = budget_of(config).forgotten_max});
  if (!spool) return stop_with(Exit::spool, spool.error());
  if (options.spool.empty()) {
    if (auto done = (*spool)->do_not_sync(); !done) return stop_with(Exit::spool, done.error());
  }
  auto saved = (*spool)->load();
  if (!saved) return stop_with(Exit::spool, saved.error());
  const RecordingPlace place = parse_place(saved->position);
  FeedOptions feed_options = options.feed;
  feed_options.position = place.position;
  const auto identity = identity_of(options);
  if (!identity) return stop_with(Exit::recording, identity.error());
  const std::string& name = *identity;
  const bool is_new = saved->streams.empty() && saved->position.empty() && saved->provenance == 0;
  if (!is_new && place.name != name) {
    return stop_with(Exit::spool, {Code::invalid, "going on with the spool " + file.path(),
                                   place.name.empty() ? "it is a live node's" : "it is that of a replay of " + place.name});
  }
  if (auto claimed = (*spool)->claim(config.node_id); !claimed) return stop_with(Exit::spool, claimed.error());
  auto feed = open_feed(feed_options);
  if (!feed) return stop_with(Exit::recording, feed.error());
  if (!place.position.empty()) spdlog::info("going on at {}", place.position);

  RecordingPort port(std::move(*feed), name);
  std::map<std::pair<std::string, std::string>, std::string> bearings;
  for (const PointEntry* entry : points->latest()) bearings[{entry->device, entry->channel}] = entry->bearing;
  const std::string used_backend = backend->variant();
  Core core(config, loaded.hash, std::move(*points), std::move(backend), std::move(*saved), **spool, feed_options.recording);
  if (!options.replaces.empty()) core.set_generation(options.generation);
  std::optional<ReportData> report;
  const auto warn = [&report](const std::string& line) {
    spdlog::warn("{}", line);
    if (report) report->warn(line);
  };
  NeverDefined never_defined(warn);
  core.set_watcher(never_defined);
  if (options.table || !options.html.empty()) {
    report.emplace(never_defined, [&bearings](std::string_view device, std::string_view channel) {
      const auto found = bearings.find(std::pair(std::string(device), std::string(channel)));
      return found == bearings.end() ? std::string() : found->second;
    });
    core.set_watcher(*report);
    if (!place.position.empty()) report->warn("this run went on: windows that an earlier one has sent are not here");
  }

  RowOutput output(**spool);
  if (const Exit opened = output.open(config, options, core); opened != Exit::ok) return opened;

  Pipeline::Settings settings;
  settings.clock_leaps = true;
  settings.disk_free_bytes_min = static_cast<std::uint64_t>(config.spool_disk_free_bytes_min);
  const TimeNs settled_ns = system_clock().now() - config.time_lateness - config.time_watermark_delay;
  LeftToNode left;
  if (!options.replaces.empty()) {
    settings.before_commit = [&left, settled_ns](Effect& effect) { leave_what_is_live(effect, settled_ns, left); };
  }
  RefusalWarnings refusals(config, system_clock());
  NodeClock clock(port, true);
  Pipeline pipeline(std::move(settings), {}, core, port, **spool, clock, [&](const Effect& effect) {
    for (const std::string& line : refusals.take(effect.dead_letters)) warn(line);
    if (report) report->take(effect, core.parameters());
    if (!effect.rows.empty()) output.notify();
  });

  Exit exit = output.pass_on();  // an earlier run may have left rows that would be given up for want of room
  const auto step = [&] {
    const Status done = pipeline.step();
    exit = done ? output.pass_on() : stop_with(exit_of(done.error()), done.error());
    return exit == Exit::ok;
  };
  ProgressLine progress(port);
  while (exit == Exit::ok && !port.at_end() && !port.is_paused() && !stop_requested() && step()) progress.tell();
  if (exit == Exit::ok && port.at_end() && port.status() && config.time_idle_timeout > 0) {
    port.pass(std::max(config.time_idle_timeout, ns_per_s));  // the core looks for what is idle now and then
    step();  // what is open is sent as it is
  }
  const double seconds = progress.seconds();
  if (exit != Exit::ok) return exit;
  if (!port.status()) return stop_with(Exit::recording, port.status().error());
  if (port.is_paused())
    return stop_with(Exit::spool, {Code::io, "writing the spool " + file.path(), "its disk has too little room"});
  const Totals totals = core.totals();
  std::uint64_t letters = 0;
  for (const std::uint64_t count : totals.dead_letters) letters += count;
  spdlog::info("{} messages, {} samples in {:.1f} s ({:.1f} M samples/s) on {}: {} window rows, {} dead letters", port.messages(),
               port.samples(), seconds, static_cast<double>(port.samples()) / std::max(seconds, 1e-9) / 1e6, used_backend,
               totals[Counter::window_rows], letters);
  const auto tell_left = [&](std::uint64_t rows, const std::string& why) {
    if (rows > 0) spdlog::info("left to {}: {} rows of windows that {}", options.replaces, rows, why);
  };
  tell_left(left.without_length, "are sessions, or hold a number of samples");
  tell_left(left.not_final, "are not final");
  tell_left(left.not_settled, "end after " + format_time(settled_ns) + ": that is time.lateness and time.watermark_delay ago");
  if (stop_requested()) {
    spdlog::warn(options.spool.empty() ? "stopped before the end; with --spool it could go on"
                                       : "stopped before the end: run it again");
    return Exit::interrupted;
  }
  if (port.bytes_left_out() > 0) {
    spdlog::warn(
        "the last {} bytes of a segment are no whole frame, and were left out: as a crash or a power cut leaves it, or "
        "a damaged disk",
        port.bytes_left_out());
  }
  if (port.messages() == 0) spdlog::warn("there was nothing left to read");
  if (port.samples() > 0 && totals[Counter::window_rows] == 0) spdlog::warn("no window came of it");
  if (letters > 0 && !options.spool.empty()) spdlog::info("stethos-edge spool letters --file {} says why", file.path());
  exit = output.finish(config.shutdown_deadline);
  if (exit != Exit::ok || !report) return exit;
  if (port.messages() == 0 && !place.position.empty()) return Exit::ok;  // what there was has been told
  Report page = report->report();
  page.title = feed_options.recording;
  page.recording = name;
  page.program = "stethos-edge " STETHOS_VERSION ", " + used_backend;
  page.configuration = config.node_id + ", " + fmt::format("{:016x}", loaded.hash);
  page.messages = port.messages();
  page.samples = port.samples();
  page.windows = totals[Counter::window_rows];
  if (options.table) std::fputs(report_table(page).c_str(), stdout);
  return options.html.empty() ? Exit::ok : write_page(options.html, report_page(page));
}

}  // namespace stethos::edge
