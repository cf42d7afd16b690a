#include "edge/inspect/check.h"

#include <algorithm>
#include <iostream>

#include "edge/inspect/folders.h"
#include "edge/inspect/point_units.h"
#include "edge/inspect/spectrum_findings.h"
#include "edge/spool/spool_format.h"
#include "edge/spool/spool_report.h"
#include "gpu_kernels/backend.h"

namespace stethos::edge {
namespace {

constexpr std::size_t lines_max = 20;  // of one kind

void tell(const std::string& before, const std::vector<std::string>& lines) {
  for (std::size_t i = 0; i < std::min(lines.size(), lines_max); ++i) std::cerr << before << lines[i] << '\n';
  if (lines.size() > lines_max) std::cerr << before << "and " << lines.size() - lines_max << " more such channels\n";
}

// Of all that is wrong, what `run` would find first.
class Verdict {
 public:
  void add(Exit exit, const Status& status) {
    if (status) return;
    std::cerr << status.error().text() << '\n';
    add(exit);
  }
  void add(Exit exit) {
    if (exit_ == Exit::ok) exit_ = exit;
  }
  Exit exit() const { return exit_; }

 private:
  Exit exit_ = Exit::ok;
};

// That the spool is damaged is not the configuration's fault; `run` sets it aside.
void check_spool(const EdgeConfig& config, Verdict& verdict) {
  auto report = SpoolReport::open(config.spool_file);
  if (!report) {
    if (report.error().code == Code::unsupported) verdict.add(Exit::spool, std::unexpected(report.error()));
    return;
  }
  if (const auto owner = report->owner()) verdict.add(Exit::config, check_owner(config.spool_file, *owner, config.node_id));
}

}  // namespace

Exit check_config(const std::string& path, const settings::Loaded<EdgeConfig>& loaded, std::ostream& out) {
  const EdgeConfig& config = loaded.config;
  Verdict verdict;
  const auto points = load_points(config);
  if (points) {
    const auto contradictions = unit_contradictions(config, *points, system_clock().now());
    tell(config.points_file + ": ", contradictions.sure);
    tell("warning: " + config.points_file + ": ", contradictions.possible);
    if (!contradictions.unheard.empty()) {
      std::cerr << "warning: " << config.points_file << ": of " << contradictions.unheard.size()
                << " channels no subscription has the name, as of " << contradictions.unheard.front() << '\n';
    }
    tell("warning: ", spectrum_findings(config, *points));
    tell("note: ", kept_blocks_notes(config, *points));
    if (!contradictions.sure.empty()) verdict.add(Exit::config);
  } else {
    for (const Error& error : points.error()) std::cerr << error.text() << '\n';
    verdict.add(Exit::config);
  }
  if (kernels::make_backend(config.backend, 1) == nullptr) {
    verdict.add(Exit::backend, fail(Code::not_found, "statistics.backend " + config.backend, "this machine does not have it"));
  }
  const Status folder = check_spool_folder(config);
  verdict.add(Exit::spool, folder);
  if (folder) check_spool(config, verdict);
  verdict.add(Exit::recording, check_record_folder(config));
  if (verdict.exit() != Exit::ok) return verdict.exit();
  out << path << ": good" << (config.subscriptions.empty() ? ", for replay alone: it has no [[subscription]]\n" : "\n");
  return Exit::ok;
}

}  // namespace stethos::edge
