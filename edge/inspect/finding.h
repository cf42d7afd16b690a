// What was found about something around the node, and what to do about it. Plain data.
#pragma once

#include <algorithm>
#include <cstdint>
#include <string>
#include <vector>

namespace stethos::edge {

enum class Severity : std::uint8_t { ok, warning, problem };

struct Finding {
  Severity severity = Severity::ok;
  std::string subject;  // "broker"
  std::string what;
  std::string cure;  // empty where all is well
};

using Findings = std::vector<Finding>;

inline bool has_problem(const Findings& findings) {
  return std::ranges::any_of(findings, [](const Finding& each) { return each.severity == Severity::problem; });
}

}  // namespace stethos::edge
