#include "common/metrics.h"

#include <prometheus/metric_family.h>
#include <prometheus/text_serializer.h>

#include <map>

namespace stethos {

std::string prometheus_text(const std::vector<Metric>& metrics) {
  std::map<std::string, prometheus::MetricFamily> by_name;
  for (const Metric& metric : metrics) {
    auto& family = by_name[metric.name];
    if (family.metric.empty()) {
      family.name = metric.name;
      family.help = metric.help;
      family.type = metric.kind == Metric::Kind::counter ? prometheus::MetricType::Counter : prometheus::MetricType::Gauge;
    }
    prometheus::ClientMetric sample;
    for (const auto& [name, value] : metric.labels) sample.label.push_back({name, value});
    (family.type == prometheus::MetricType::Counter ? sample.counter.value : sample.gauge.value) = metric.value;
    family.metric.push_back(std::move(sample));
  }
  std::vector<prometheus::MetricFamily> families;
  families.reserve(by_name.size());
  for (auto& [name, family] : by_name) families.push_back(std::move(family));
  return prometheus::TextSerializer().Serialize(families);
}

}  // namespace stethos
