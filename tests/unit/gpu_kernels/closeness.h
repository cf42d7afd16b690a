// Whether a backend's result for a block is near enough to the reference's, by the table of tolerances. Without GoogleTest.
//
// Lines are the hard part. Where two are nearly of one height, a rounding decides their ranks, and where a bin is nearly as high
// as its neighbour, whether it is a line at all. So a line of rank r is compared with every bin of the reference's spectrum that
// could have this rank if each sqrt(3 s_k) were off by the tolerance, and by no more: a maximum that rounding cannot remove takes
// its rank from all lower ones.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "gpu_kernels/envelope.h"
#include "gpu_kernels/reference_backend.h"
#include "gpu_kernels/statistics.h"
#include "gpu_kernels/tolerances.h"

namespace stethos::kernels::test {

// How far a statistic of time may be from what its definition gives, `expected`; the moments are those of the same samples, for
// the scale.
double allowed_of_time(std::string_view backend, const StatisticDefinition& statistic, double expected, const Moments& moments);

class Closeness {
 public:
  // By statistic, the largest share of the allowed distance that was seen.
  using Worst = std::map<std::string_view, double>;

  // `reference`: what the reference backend says of the block. Both stay where they are.
  Closeness(const BlockView& block, const BlockStatistics& reference);

  // How far a statistic of time or a feature may be from `expected`. For lines, rolloffs and bearings it is
  // what follows where nothing is nearly equal.
  double allowed(std::string_view backend, const Feature& feature, double expected) const;

  // What is wrong with what a backend says; empty: nothing.
  std::vector<std::string> objections(std::string_view backend, const BlockStatistics& found, Worst& worst) const;

 private:
  // The bins that could be lines, and the lines' sqrt(3 s_k), the highest first: those that could be, and those that must.
  struct Lines {
    double slack = 0;  // how far a sqrt(3 s_k) may be off
    double largest = 0;
    std::vector<std::size_t> bins;
    std::vector<double> possible, certain;
  };
  Lines lines_of(std::string_view backend) const;

  // What the reference's envelope says of a line of the bearing; null: nothing.
  std::optional<BearingLine> line_of(const Feature& feature) const;
  // The lowest and the highest that it may give where each sqrt(3 s_k) and the mean are off by no more than the tolerance; NaN
  // where the line is hidden by rounding.
  std::pair<double, double> bearing_values(std::string_view backend, const Feature& feature, const BearingLine& line) const;

  // The lowest and the highest that a share may give which is off by no more than `slack`.
  std::pair<double, double> rolloffs(const Feature& feature, double slack) const;

  // Shares of what is allowed: infinite where nothing is.
  double distance_of_line(std::string_view backend, const Lines& lines, const Feature& feature, double found) const;
  double distance_of_bearing(std::string_view backend, const Feature& feature, double found, double expected) const;
  double distance_of(std::string_view backend, const Lines& lines, const Feature& feature, double found, double expected) const;

  double deviation() const;
  double largest_line() const;

  const BlockView& block_;
  const BlockStatistics& reference_;
  double bin_hz_ = 0;
  std::vector<double> spectrum_;  // s_k; empty where there are none
  Envelope envelope_;
  std::vector<double> amplitudes_;  // sqrt(3 s_k) of the spectrum
};

}  // namespace stethos::kernels::test
