// stethos-simulation: runs worlds from seeds until one breaks a promise. The seed that did is printed and runs alone with
// `--first SEED --seeds 1`.
#include <CLI/CLI.hpp>

#include <filesystem>
#include <iostream>

#include "common/identity.h"
#include "common/log.h"
#include "tests/simulation/world.h"

namespace {

using namespace stethos;
using namespace stethos::simulation;

std::string run_seed(std::uint64_t seed, Planted planted, std::uint64_t steps, Tally& tally) {
  const auto folder = std::filesystem::temp_directory_path() / ("stethos-simulation-" + random_identity());
  std::filesystem::create_directories(folder);
  std::string wrong;
  {
    World world(seed, planted, folder.string());
    wrong = world.run(steps);
    tally = world.tally();
  }
  std::filesystem::remove_all(folder);
  return wrong;
}

void print(std::uint64_t seed, const Tally& tally, const std::string& wrong) {
  std::cout << "seed " << seed << ": " << tally.steps << " steps, kills " << tally.edge_crashes << " of the edge and "
            << tally.collector_crashes << " of the collector, " << tally.power_losses << " with the power, disk faults "
            << tally.disk_faults << ", lost stores " << tally.lost_stores << ", requests " << tally.requests << ", copies "
            << tally.copies << ", clock jumps " << tally.clock_jumps << ", wrong clocks " << tally.wrong_clocks << ", changes "
            << tally.changes << ", published " << tally.published << ", sent " << tally.sent << ", windows " << tally.windows
            << ", alarms " << tally.alarms << ", silences " << tally.silences << ", forgotten " << tally.forgotten
            << ", returned " << tally.returned << ", given up " << tally.given_up << ", "
            << (wrong.empty() ? "lost 0, duplicated 0, drained after " + std::to_string(tally.drained_after_ns / ns_per_s) + " s"
                              : "WRONG: " + wrong)
            << std::endl;
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App app("stethos-simulation: devices, edge and collector in one thread, with faults from a seed");
  std::uint64_t first = 1;
  std::uint64_t seeds = 100;
  std::uint64_t steps = 1'000;
  std::string plant = "none";
  bool every = false;
  app.add_option("--first", first, "the first seed");
  app.add_option("--seeds", seeds, "how many");
  app.add_option("--steps", steps, "of each world, before it heals");
  app.add_option("--plant", plant, "a fault that must be caught; then it is an error if no seed does")
      ->check(CLI::IsMember(std::vector<std::string>(planted_names.begin(), planted_names.end())));
  app.add_flag("--every", every, "print a line for each seed");
  CLI11_PARSE(app, argc, argv);
  spdlog::set_level(spdlog::level::off);
  const auto planted = static_cast<Planted>(std::ranges::find(planted_names, plant) - planted_names.begin());

  Tally sum;
  for (std::uint64_t seed = first; seed < first + seeds; ++seed) {
    Tally tally;
    const std::string wrong = run_seed(seed, planted, steps, tally);
    if (every || !wrong.empty()) print(seed, tally, wrong);
    if (!wrong.empty()) return planted == Planted::none ? 1 : 0;
    sum.edge_crashes += tally.edge_crashes;
    sum.collector_crashes += tally.collector_crashes;
    sum.power_losses += tally.power_losses;
    sum.disk_faults += tally.disk_faults;
    sum.lost_stores += tally.lost_stores;
    sum.requests += tally.requests;
    sum.copies += tally.copies;
    sum.wrong_clocks += tally.wrong_clocks;
    sum.changes += tally.changes;
    sum.published += tally.published;
    sum.windows += tally.windows;
    sum.alarms += tally.alarms;
    sum.silences += tally.silences;
    sum.forgotten += tally.forgotten;
    sum.returned += tally.returned;
    sum.given_up += tally.given_up;
  }
  std::cout << seeds << " seeds: " << sum.edge_crashes << " kills of the edge and " << sum.collector_crashes
            << " of the collector, " << sum.power_losses << " with the power, disk faults " << sum.disk_faults << ", lost stores "
            << sum.lost_stores << ", requests " << sum.requests << ", copies " << sum.copies << ", wrong clocks "
            << sum.wrong_clocks << ", changed configurations " << sum.changes << ",\n  published " << sum.published
            << ", windows " << sum.windows << ", alarms " << sum.alarms << ", silences " << sum.silences << ", forgotten "
            << sum.forgotten << ", returned " << sum.returned << ", given up " << sum.given_up << ", lost 0, duplicated 0\n";
  if (planted == Planted::none) return 0;
  std::cout << "the planted fault " << plant << " was not caught\n";
  return 1;
}
