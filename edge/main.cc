#include <CLI/CLI.hpp>

#include <filesystem>
#include <fstream>
#include <iostream>

#include "common/log.h"
#include "common/time_text.h"
#include "edge/config/edge_config.h"
#include "edge/inspect/check.h"
#include "edge/inspect/environment.h"
#include "edge/node_clock.h"
#include "edge/put_through.h"
#include "edge/replay/own_config.h"
#include "edge/replay/replay.h"
#include "edge/run.h"
#include "edge/spool/spool_format.h"
#include "edge/spool/spool_report.h"
#include "edge/trial/try_command.h"

namespace {

using namespace stethos;
using namespace stethos::edge;

std::optional<settings::Loaded<EdgeConfig>> load(const std::string& path) {
  auto loaded = settings::load(edge_config_table(), path);
  if (loaded) return std::move(*loaded);
  for (const auto& problem : loaded.error()) std::cerr << problem.text() << '\n';
  return std::nullopt;
}

// Of a replay that is given none.
std::optional<settings::Loaded<EdgeConfig>> parse(const std::string& text) {
  auto parsed = settings::parse(edge_config_table(), text, "the configuration of a replay without one");
  if (parsed) return std::move(*parsed);
  for (const auto& problem : parsed.error()) std::cerr << problem.text() << '\n';
  return std::nullopt;
}

Exit run(const std::string& path, const std::string& backend) {
  auto loaded = load(path);
  if (!loaded) return Exit::config;
  if (!backend.empty()) loaded->config.backend = backend;
  start_logging("edge", loaded->config.log_level);
  return run_edge(*loaded);
}

Exit replay_with(const std::string& path, const std::string& backend, std::optional<TimeNs> start_ns, ReplayOptions options) {
  auto loaded = path.empty() ? parse("[node]\nid = \"replay\"\n[[window]]\nlength = \"1m\"\n") : load(path);
  if (!loaded) return Exit::config;
  start_logging("replay", loaded->config.log_level);
  const bool has_times = options.feed.recording.starts_with("csv:") && options.feed.named.rate_hz == 0;
  options.feed.named.start_ns = start_ns.value_or(has_times ? 0 : loaded->config.time_earliest);
  if (path.empty()) {
    if (options.to_collector) {
      std::cerr << "--collector needs a --config that says which\n";
      return Exit::usage;
    }
    options.table = options.json_lines != "-" && options.csv != "-";
    const auto text = own_config(options);
    if (!text) return stop_with(Exit::recording, text.error());
    loaded = parse(*text);
    if (!loaded) return Exit::config;
  }
  if (!backend.empty()) loaded->config.backend = backend;
  return replay(*loaded, options);
}

// For a command that changes a spool that an edge, which is stopped, has made.
Result<std::unique_ptr<SqliteSpool>> open_existing(const EdgeConfig& config) {
  if (!std::filesystem::exists(config.spool_file)) {
    return fail(Code::not_found, "opening the spool " + config.spool_file, "there is no such file");
  }
  auto spool = SqliteSpool::open(config.spool_file, budget_of(config));
  if (!spool) return spool;
  if (auto checked = check_owner(config.spool_file, (*spool)->owner(), config.node_id); !checked)
    return std::unexpected(checked.error());
  return spool;
}

Exit check(const std::string& path, bool environment) {
  const auto loaded = load(path);
  if (!loaded) return Exit::config;
  const Exit checked = check_config(path, *loaded, std::cout);
  const Exit around = environment ? check_environment(loaded->config, std::cout) : Exit::ok;
  return checked != Exit::ok ? checked : around;
}

Exit try_with(const std::string& path, const TryOptions& options) {
  const auto loaded = load(path);
  if (!loaded) return Exit::config;
  start_logging("try", loaded->config.log_level);
  return try_config(loaded->config, options, std::cout);
}

Exit show(const std::string& path) {
  const auto loaded = load(path);
  if (!loaded) return Exit::config;
  std::cout << settings::show(*loaded);
  return Exit::ok;
}

Exit again(const std::string& path, const WhichLetters& which) {
  const auto loaded = load(path);
  if (!loaded) return Exit::config;
  const auto points = load_points(loaded->config);
  if (!points) {
    for (const Error& error : points.error()) std::cerr << error.text() << '\n';
    return Exit::config;
  }
  const auto spool = open_existing(loaded->config);
  if (!spool) {
    std::cerr << spool.error().text() << '\n';
    return Exit::spool;
  }
  const NodeClock clock(system_clock(), loaded->config.time_clock == ClockRule::trusted);
  const Status done =
      put_through(loaded->config, loaded->hash, *points, **spool, clock.now(), clock.is_trusted(), which, std::cout);
  if (done) return Exit::ok;
  std::cerr << done.error().text() << '\n';
  return done.error().code == Code::not_found ? Exit::usage : Exit::spool;
}

Exit admit(const std::string& path, const std::string& device) {
  const auto loaded = load(path);
  if (!loaded) return Exit::config;
  const auto spool = open_existing(loaded->config);
  if (!spool) {
    std::cerr << spool.error().text() << '\n';
    return Exit::spool;
  }
  const auto forgotten = (*spool)->admit(device);
  if (!forgotten) {
    std::cerr << forgotten.error().text() << '\n';
    return Exit::spool;
  }
  if (*forgotten == 0) {
    std::cerr << "admitting " << device << ": nothing of a device of this name is known that could keep it out\n";
    return Exit::usage;
  }
  std::cout << device << ": " << *forgotten << " epochs are forgotten; it may begin at any\n";
  return Exit::ok;
}

// Opens the spool of `--file`, or of the configuration, and gives it to `tell`, which returns whether all is well.
template <class Tell>
Exit report_spool(std::string file, const std::string& config_path, Tell tell) {
  if (file.empty()) {
    const auto loaded = load(config_path);
    if (!loaded) return Exit::config;
    file = loaded->config.spool_file;
  }
  auto report = SpoolReport::open(file);
  if (!report) {
    std::cerr << report.error().text() << '\n';
    return Exit::spool;
  }
  const Result<bool> told = tell(*report);
  if (!told) std::cerr << told.error().text() << '\n';
  return told && *told ? Exit::ok : Exit::spool;
}

// How long `try` listens.
DurationNs listening_time(const std::string& text) {
  constexpr DurationNs listen_max = 86'400 * ns_per_s;
  const auto duration = parse_duration(text);
  if (!duration || *duration <= 0 || *duration > listen_max)
    throw CLI::ValidationError("--listen", "must be a duration up to a day, as in 30s");
  return *duration;
}

Result<bool> done_if(const Status& status) {
  if (!status) return std::unexpected(status.error());
  return true;
}

Status export_rows(SpoolReport& report, const std::string& out_file, bool only_waiting) {
  if (out_file.empty()) return report.rows(std::cout, only_waiting);
  std::ofstream file(out_file, std::ios::noreplace);
  if (!file) return fail(Code::io, "making the file " + out_file, "it is there already, or may not be made");
  return report.rows(file, only_waiting);
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App app("stethos-edge: turns readings and vibration waveforms into windows of condition statistics, and loses none.");
  app.require_subcommand(1);
  std::string config_path;
  const auto with_config = [&](CLI::App* command) {
    command->add_option("--config", config_path, "the configuration file (TOML)")->required();
    return command;
  };
  std::string backend;
  auto* run_command = with_config(app.add_subcommand("run", "run until SIGTERM"));
  run_command->add_option("--backend", backend, "what computes statistics, instead of the configuration's");
  auto* check_command = with_config(app.add_subcommand("check", "say everything that is wrong with a configuration"));
  bool environment = false;
  check_command->add_flag("--environment", environment, "look at the broker, the clock and the disk as well");
  TryOptions tried;
  auto* try_command = with_config(app.add_subcommand("try", "show what a payload, or what the broker delivers, would become"));
  auto* of_what = try_command->add_option_group("of what");
  auto* topic =
      of_what->add_option("--topic", tried.topic, "the topic of the payload")->check(CLI::Validator(objection_to_topic, ""));
  of_what->add_option_function<std::string>(
      "--listen", [&tried](const std::string& text) { tried.listen = listening_time(text); },
      "hear for so long, as in 30s, what the broker delivers, beside a node that may be running");
  of_what->require_option(1);
  try_command->add_option("--file", tried.file, "the file that holds the payload; else standard input")->needs(topic);
  auto* config_command = app.add_subcommand("config", "the configuration");
  config_command->require_subcommand(1);
  auto* show_command =
      with_config(config_command->add_subcommand("show", "effective settings, where each comes from, and their hash"));
  auto* reference_command = config_command->add_subcommand("reference", "every key, as a page of Markdown");

  auto* spool_command =
      app.add_subcommand("spool", "what is in the spool; all but again and admit read only, also beside an edge that runs");
  spool_command->require_subcommand(1);
  std::string spool_file;
  std::size_t letters_max = 20;
  const auto with_spool = [&](CLI::App* command) {
    auto* where = command->add_option_group("where");
    where->add_option("--config", config_path, "the configuration file (TOML)");
    where->add_option("--file", spool_file, "the spool itself");
    where->require_option(1);
    return command;
  };
  auto* inspect_command = with_spool(spool_command->add_subcommand("inspect", "identity, sizes, lanes, totals"));
  auto* verify_command = with_spool(spool_command->add_subcommand("verify", "whether it is sound; reads all of it"));
  auto* letters_command = with_spool(spool_command->add_subcommand("letters", "the newest dead letters, the newest last"));
  letters_command->add_option("--limit", letters_max, "at most so many")->capture_default_str()->check(CLI::Range(1, 10'000'000));
  auto* export_command =
      with_spool(spool_command->add_subcommand("export", "the rows of the outbox as JSON, one a line, to be carried by hand"));
  bool only_waiting = false;
  std::string out_file;
  export_command->add_flag("--waiting", only_waiting, "only those that the collector does not have");
  export_command->add_option("--out", out_file, "the file to write, which must not be there; else standard output");
  auto* again_command = with_config(spool_command->add_subcommand("again",
                                                                  "put dead letters through again, after what they were refused "
                                                                  "for is mended; changes the spool of an edge that is stopped"));
  WhichLetters which;
  const std::vector<std::string> reasons(reason_names.begin(), reason_names.end());
  auto* id_option = again_command->add_option("--id", which.id, "only this one")->check(CLI::PositiveNumber);
  again_command->add_option("--reason", which.reason, "only those of this reason")
      ->check(CLI::IsMember(reasons))
      ->excludes(id_option);
  auto* admit_command = with_config(
      spool_command->add_subcommand("admit",
                                    "let in a device of our protocol that was replaced and begins with lower epochs than the one "
                                    "before it; changes the spool of an edge that is stopped"));
  std::string admitted;
  admit_command->add_option("--device", admitted, "its name")->required();
  ReplayOptions replayed;
  std::optional<TimeNs> start_ns;
  std::string delimiter, time_unit = "s";
  auto* replay_command = app.add_subcommand("replay", "put a recording through the same windows, as fast as it goes");
  replay_command->add_option(
      "--config", config_path,
      "the configuration file (TOML); without, windows and spectra that suit the recording, and a table of "
      "what was found");
  replay_command->add_option("--html", replayed.html, "a file for a report: trends, and the last block with its spectra");
  replay_command
      ->add_option(
          "recording", replayed.feed.recording,
          "stethos:FOLDER, csv:FILE, wav:FILE, mat:FILE, npy:FILE, f32:FILE, i16:FILE, femto:FOLDER, cwru:FILE.f32, nab:FILE or "
          "skab:FILE")
      ->required()
      ->check(CLI::Validator(objection_to_feed, ""));
  auto* out = replay_command->add_option_group("where rows go");
  out->add_option("--json", replayed.json_lines, "a file of JSON lines, or - for standard output");
  out->add_option("--csv", replayed.csv, "a file of CSV, or -");
  auto* collector = out->add_flag("--collector", replayed.to_collector, "the collector of the configuration");
  out->require_option(0, 1);
  replay_command->add_option(
      "--spool", replayed.spool,
      "the spool that keeps what there is, so that a replay that was stopped goes on; else one that is gone "
      "afterwards");
  replay_command->add_option("--backend", backend, "what computes statistics, instead of the configuration's");
  auto* replaces =
      replay_command->add_option("--replaces", replayed.replaces, "with --collector: windows are to stand instead of this node's")
          ->check([](const std::string& node) { return node.empty() ? "names no node" : ""; }, "NODE")
          ->needs(collector);
  replay_command->add_option("--generation", replayed.generation, "of the rows then: the highest counts")
      ->check(CLI::Range(1u, 1'000'000u))
      ->needs(replaces)
      ->capture_default_str();
  replay_command->add_flag("--dry-run", replayed.dry_run, "read all of it and say what there is");
  replay_command->add_option("--device", replayed.feed.device, "of a recording that does not say it; else its name");
  replay_command->add_option_function<std::string>(
      "--start",
      [&start_ns](const std::string& text) {
        const auto time = parse_time(text);
        if (!time) throw CLI::ValidationError("--start", time.error().text());
        start_ns = *time;
      },
      "when a recording of samples began, or the day of a femto one (default: time.earliest); of a csv without --rate what "
      "numbers "
      "in its column of times count from (default: 1970)");
  recordings::NamedOptions& named = replayed.feed.named;
  replay_command
      ->add_option("--block-samples", named.block_samples,
                   "of a recording of samples, as all but stethos, femto, nab and skab are")
      ->capture_default_str();
  replay_command
      ->add_option("--channel", named.channels,
                   "what a recording of samples, or of nab, is of; again for the next channel (default: what it says itself, or "
                   "\"value\")")
      ->allow_extra_args(false);
  replay_command->add_option("--quantity", named.quantity, "of those channels")->capture_default_str();
  replay_command->add_option("--unit", named.unit, "the same")->capture_default_str();
  replay_command->add_option("--scale", named.scale, "what each sample is multiplied by; of a wav of whole numbers: full scale")
      ->capture_default_str();
  replay_command->add_option("--rpm", named.rpm, "the speed of the shaft during a recording of blocks")
      ->check(CLI::PositiveNumber);
  replay_command
      ->add_option(
          "--rate", named.rate_hz,
          "the sampling rate in Hz, which npy, f32 and i16 do not say, nor most mat; of a csv: its rows follow each other")
      ->check(CLI::PositiveNumber);
  replay_command->add_option("--delimiter", delimiter, "of a csv: one character, or tab (default: what its first line shows)")
      ->check([](const std::string& text) { return text == "tab" || text.size() == 1 ? "" : "must be one character, or tab"; },
              "");
  replay_command->add_option("--time-column", named.time_column,
                             "of a csv: by its heading, or its number from 1 (default: the first)");
  replay_command->add_option("--time-unit", time_unit, "of times of a csv that are numbers")
      ->check(CLI::IsMember({"s", "ms", "us", "ns"}))
      ->capture_default_str();
  replay_command
      ->add_option(
          "--column", named.columns,
          "of a csv: a column of values; of a mat: an array, by its name, as in bearing.gs; again for the next (default: of a "
          "csv all others, of a mat what can be meant)")
      ->allow_extra_args(false);
  replay_command->add_option("--raw-channels", named.raw_channels, "of an f32 or i16: so many channels take turns")
      ->check(CLI::PositiveNumber)
      ->capture_default_str();
  replay_command->add_option("--machine", replayed.machine,
                             "instead of a point table: the machine of all channels of a recording");
  replay_command->add_option(
      "--bearing", replayed.bearing,
      "the same: their [[bearing]]; without --config its geometry: elements, element and pitch diameter in "
      "mm, contact angle in degrees, as in 9,7.94,39.04,0");
  auto* version_command = app.add_subcommand("version", "print the version");
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? 0 : static_cast<int>(Exit::usage);
  }

  Exit exit = Exit::ok;
  if (run_command->parsed()) exit = run(config_path, backend);
  if (replay_command->parsed()) {
    named.delimiter = delimiter == "tab" ? '\t' : delimiter.empty() ? '\0' : delimiter.front();
    named.time_unit_ns = *parse_duration("1" + time_unit);
    exit = replay_with(config_path, backend, start_ns, replayed);
  }
  if (check_command->parsed()) exit = check(config_path, environment);
  if (try_command->parsed()) exit = try_with(config_path, tried);
  if (show_command->parsed()) exit = show(config_path);
  if (reference_command->parsed()) std::cout << settings::reference_page(edge_config_table());
  if (inspect_command->parsed()) {
    exit = report_spool(spool_file, config_path, [](SpoolReport& report) { return done_if(report.inspect(std::cout)); });
  }
  if (verify_command->parsed()) {
    exit = report_spool(spool_file, config_path, [](SpoolReport& report) { return report.verify(std::cout); });
  }
  if (letters_command->parsed()) {
    exit = report_spool(spool_file, config_path,
                        [&](SpoolReport& report) { return done_if(report.letters(std::cout, letters_max)); });
  }
  if (export_command->parsed()) {
    exit = report_spool(spool_file, config_path,
                        [&](SpoolReport& report) { return done_if(export_rows(report, out_file, only_waiting)); });
  }
  if (again_command->parsed()) exit = again(config_path, which);
  if (admit_command->parsed()) exit = admit(config_path, admitted);
  if (version_command->parsed()) std::cout << "stethos-edge " STETHOS_VERSION "\n";
  return static_cast<int>(exit);
}
