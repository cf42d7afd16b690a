// Numbers that a program shows about itself, in the text format of Prometheus.
#pragma once

#include <string>
#include <utility>
#include <vector>

namespace stethos {

struct Metric {
  enum class Kind : bool { counter, gauge };

  std::string name;  // "stethos_edge_messages_total"
  std::string help;
  Kind kind = Kind::gauge;
  double value = 0;
  std::vector<std::pair<std::string, std::string>> labels;
};

// Metrics of the same name become one family and need not be neighbours; the help and kind of the first are used.
std::string prometheus_text(const std::vector<Metric>& metrics);

}  // namespace stethos
