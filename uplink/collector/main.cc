// stethos-collector: run, check, config, query, wanted, version.
#include <CLI/CLI.hpp>

#include <cstdio>
#include <filesystem>
#include <map>
#include <set>
#include <string>

#include "common/log.h"
#include "common/signals.h"
#include "uplink/collector/api.h"
#include "uplink/collector/collector_config.h"
#include "uplink/collector/query.h"
#include "uplink/collector/render.h"
#include "uplink/collector/server.h"
#include "uplink/collector/store.h"
#include "uplink/collector/wanted.h"

namespace stethos::collector {
namespace {

enum ExitCode : int {
  exit_ok = 0,
  exit_usage = 2,
  exit_config = 3,   // the configuration has mistakes
  exit_store = 4,    // the store cannot be opened or read
  exit_listen = 5,   // the address cannot be listened on
  exit_failed = 6,   // the store failed while running: start again
};

void print(const std::string& text) { std::fwrite(text.data(), 1, text.size(), stdout); }
void complain(const std::string& text) { std::fprintf(stderr, "stethos-collector: %s\n", text.c_str()); }

using Loaded = settings::Loaded<CollectorConfig>;

std::optional<Loaded> load_config(const std::string& path) {
  auto loaded = settings::load(collector_config_table(), path);
  if (loaded) return std::move(*loaded);
  for (const auto& problem : loaded.error()) complain(problem.text());
  return std::nullopt;
}

int run(const std::string& config_path) {
  const auto loaded = load_config(config_path);
  if (!loaded) return exit_config;
  const CollectorConfig& config = loaded->config;
  catch_stop_signals();
  start_logging("stethos-collector", config.log_level);

  auto store = Store::open(config.store_file, sqlite::Access::read_write, system_clock().now());
  if (!store) {
    spdlog::error("{}", store.error().text());
    return exit_store;
  }
  Api api(**store, system_clock(), static_cast<std::size_t>(config.batch_bytes_max), config.budgets, config.replays_nodes);
  auto server = Server::listen({.host = config.listen_host,
                                .port = config.listen_port,
                                .connections_max = static_cast<std::size_t>(config.listen_connections_max),
                                .body_bytes_max = static_cast<std::size_t>(config.body_bytes_max),
                                .header_timeout = config.header_timeout,
                                .request_timeout = config.request_timeout,
                                .idle_timeout = config.idle_timeout,
                                .drain_deadline = config.shutdown_deadline},
                               api);
  if (!server) {
    spdlog::error("{}", server.error().text());
    return exit_listen;
  }
  spdlog::info("version " STETHOS_VERSION ", store {} is {}", config.store_file, (*store)->identity());
  spdlog::info("listening on {}:{}", config.listen_host, (*server)->port());
  (*server)->drain_when_readable(stop_fd());
  (*server)->run();
  if (api.failure()) {
    spdlog::error("stopped because of the store: {}", api.failure()->text());
    return exit_failed;
  }
  spdlog::info("stopped");
  return exit_ok;
}

template <class Page>
int print_page(const Result<Page>& page, const std::string& table) {
  print(table);
  if (!page->next.empty()) print("more: --cursor " + page->next + "\n");
  return exit_ok;
}

int query(const std::string& what, const std::string& store_path, const Parameters& parameters) {
  const std::map<std::string, const std::vector<std::string_view>*> known{
      {"windows", &window_parameters}, {"hours", &window_parameters},   {"days", &window_parameters},
      {"alarms", &alarm_parameters},   {"streams", &stream_parameters}, {"nodes", &node_parameters},
      {"gaps", &gap_parameters},       {"events", &gap_parameters},     {"silences", &silence_parameters}};
  const auto filter = parse_filter(parameters, *known.at(what));
  if (!filter) {
    complain("--" + filter.error().parameter + ": " + filter.error().message);
    return exit_usage;
  }
  auto store = Store::open(store_path, sqlite::Access::read_only, system_clock().now());
  if (!store) {
    complain(store.error().text());
    return exit_store;
  }
  Query query(**store);
  const auto show = [](const auto& page, auto table_of_page) {
    if (!page) {
      complain(page.error().text());
      return static_cast<int>(exit_store);
    }
    return print_page(page, table_of_page(*page));
  };
  const auto table = [](const auto& page) { return table_of(page); };
  if (what == "alarms") return show(query.alarms(*filter), table);
  if (what == "streams") return show(query.streams(*filter), table);
  if (what == "nodes") return show(query.nodes(*filter), table);
  if (what == "gaps") return show(query.gaps(*filter), table);
  if (what == "events") return show(query.events(*filter), table);
  if (what == "silences") return show(query.silences(*filter), table);
  const Tier tier = what == "hours" ? Tier::hours : what == "days" ? Tier::days : Tier::windows;
  return show(query.windows(*filter, tier), [&](const auto& page) { return table_of(page, *filter); });
}

int complain_of(const Error& error) {
  complain(error.text());
  return error.code == Code::invalid || error.code == Code::too_large ? exit_usage : exit_store;
}

// One that is there: a collector that was never started has nothing to ask for again.
Result<std::unique_ptr<Store>> open_existing(const std::string& path, sqlite::Access access) {
  std::error_code ignored;
  if (!std::filesystem::exists(path, ignored)) return fail(Code::io, "opening the store " + path, "it is not there");
  return Store::open(path, access, system_clock().now());
}

struct WantedOptions {
  std::string node, lane, from, to;
  std::uint64_t first = 0, last = 0;  // 0: not given
  std::int64_t id = 0;
};

int ask_again(const std::string& store_path, const WantedOptions& options) {
  NewRequest request{.node = options.node, .lanes = {}};
  for (const schema::Lane lane : schema::EnumValuesLane()) {
    if (options.lane.empty() || options.lane == schema::EnumNameLane(lane)) request.lanes.push_back(lane);
  }
  const bool has_numbers = options.first != 0 || options.last != 0;
  if (has_numbers == (!options.from.empty() || !options.to.empty()) || (has_numbers && options.lane.empty())) {
    complain("expected --from and --to, or --lane, --first and --last");
    return exit_usage;
  }
  if (has_numbers) {
    request.numbers = {options.first, options.last};
  } else {
    const auto span = parse_filter({{"from", options.from}, {"to", options.to}}, {"from", "to"});
    if (!span || *span->from >= *span->to) {
      complain(span ? "--to: expected a time after --from" : "--" + span.error().parameter + ": " + span.error().message);
      return exit_usage;
    }
    request.from = span->from;
    request.to = span->to;
  }
  auto store = open_existing(store_path, sqlite::Access::read_write);
  if (!store) return complain_of(store.error());
  const auto ids = Wanted(**store).ask(request, system_clock().now());
  if (!ids) return complain_of(ids.error());
  for (const std::int64_t id : *ids) print("request " + std::to_string(id) + "\n");
  return exit_ok;
}

int cancel_wanted(const std::string& store_path, std::int64_t id) {
  auto store = open_existing(store_path, sqlite::Access::read_write);
  if (!store) return complain_of(store.error());
  const auto cancelled = Wanted(**store).cancel(id, system_clock().now());
  if (!cancelled) return complain_of(cancelled.error());
  if (*cancelled) return exit_ok;
  complain("no request " + std::to_string(id) + " is open");
  return exit_usage;
}

int list_wanted(const std::string& store_path) {
  auto store = open_existing(store_path, sqlite::Access::read_only);
  if (!store) return complain_of(store.error());
  const auto requests = Wanted(**store).list();
  if (!requests) return complain_of(requests.error());
  print(table_of(*requests));
  return exit_ok;
}

int main_with(int argc, char** argv) {
  CLI::App app("Takes batches of window rows from edges, keeps them in one file, and serves them.", "stethos-collector");
  app.require_subcommand(1);

  std::string config_path;
  const auto add_config = [&](CLI::App* command) {
    command->add_option("--config", config_path, "The configuration file (TOML)")->required();
    return command;
  };
  const auto* run_command = add_config(app.add_subcommand("run", "Runs the collector until SIGTERM or SIGINT"));
  const auto* check_command = add_config(app.add_subcommand("check", "Reads the configuration and says what is wrong with it"));
  auto* config_command = app.add_subcommand("config", "Shows settings");
  config_command->require_subcommand(1);
  const auto* show_command = add_config(config_command->add_subcommand("show", "Prints every setting, and where it comes from"));
  const auto* reference_command = config_command->add_subcommand("reference", "Prints the reference page");
  const auto* version_command = app.add_subcommand("version", "Prints the version");

  auto* query_command = app.add_subcommand("query", "Prints what a store holds, as a table");
  std::string what;
  std::string store_path;
  std::map<std::string, std::string> values;
  query_command->add_option("what", what, "windows, hours, days, alarms, streams, nodes, gaps, events or silences")
      ->required()
      ->check(CLI::IsMember({"windows", "hours", "days", "alarms", "streams", "nodes", "gaps", "events", "silences"}));
  query_command->add_option("--store", store_path, "The store's file")->required();
  std::set<std::string_view> options(window_parameters.begin(), window_parameters.end());
  options.insert(alarm_parameters.begin(), alarm_parameters.end());
  for (const auto name : options) {
    query_command->add_option("--" + std::string(name), values[std::string(name)], "As in GET /v1/windows, see docs/api.md");
  }

  auto* wanted_command = app.add_subcommand("wanted", "Asks nodes for rows again that they have sent and still keep");
  wanted_command->require_subcommand(1);
  WantedOptions wanted;
  const auto add_store = [&](CLI::App* command) {
    command->add_option("--store", store_path, "The store's file; the collector may run or not")->required();
    return command;
  };
  auto* ask_command = add_store(wanted_command->add_subcommand("add", "Asks for rows again, by time or by number"));
  ask_command->add_option("--node", wanted.node, "The node's name")->required();
  ask_command->add_option("--lane", wanted.lane, "alarms, windows or notes; of a span of time all without it")
      ->check(CLI::IsMember({"alarms", "windows", "notes"}));
  ask_command->add_option("--from", wanted.from, "Windows that start, alarms that were activated, at or after this time");
  ask_command->add_option("--to", wanted.to, "And before this one");
  ask_command->add_option("--first", wanted.first, "The first number, in the spool that the node began last")
      ->check(CLI::PositiveNumber);
  ask_command->add_option("--last", wanted.last, "And the last")->check(CLI::PositiveNumber);
  const auto* list_command = add_store(wanted_command->add_subcommand("list", "Prints what was asked for, and what came"));
  auto* cancel_command = add_store(wanted_command->add_subcommand("cancel", "Ends a request"));
  cancel_command->add_option("--id", wanted.id, "Its number")->required();

  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? exit_ok : exit_usage;
  }

  if (version_command->parsed()) {
    print("stethos-collector " STETHOS_VERSION "\n");
    return exit_ok;
  }
  if (reference_command->parsed()) {
    print(settings::reference_page(collector_config_table()));
    return exit_ok;
  }
  if (query_command->parsed()) {
    Parameters parameters;
    for (const auto& [name, value] : values) {
      if (query_command->count("--" + name) > 0) parameters.emplace_back(name, value);
    }
    return query(what, store_path, parameters);
  }
  if (ask_command->parsed()) return ask_again(store_path, wanted);
  if (list_command->parsed()) return list_wanted(store_path);
  if (cancel_command->parsed()) return cancel_wanted(store_path, wanted.id);
  if (run_command->parsed()) return run(config_path);
  const auto loaded = load_config(config_path);
  if (!loaded) return exit_config;
  if (show_command->parsed()) print(settings::show(*loaded));
  if (check_command->parsed()) print(config_path + ": no mistakes\n");
  return exit_ok;
}

}  // namespace
}  // namespace stethos::collector

int main(int argc, char** argv) { return stethos::collector::main_with(argc, argv); }
