#include "firmware_sim/signal_model.h"

#include <algorithm>
#include <cmath>
#include <complex>
#include <limits>
#include <numbers>
#include <utility>

#include "common/result.h"
#include "firmware_sim/random.h"

namespace stethos::firmware_sim {
namespace {

constexpr double two_pi = 2 * std::numbers::pi;
// After so many ring times an impulse is below 1e-5 of its height.
constexpr double ring_times_heard = 12;
// Impulses differ: the contact slips and the load varies.
constexpr double impulse_spread = 0.1;
constexpr double thermal_step_s = 1;
// A random walk is back at 0 after so many steps.
constexpr std::int64_t walk_steps = 65'536;
// The noise of the moment at which a sensor is stuck is that of no block.
constexpr std::uint64_t no_block = std::numeric_limits<std::uint64_t>::max();

double race_order(const Bearing& bearing, double sign) {
  const double angle = bearing.contact_angle_deg * std::numbers::pi / 180;
  return bearing.elements / 2.0 * (1 + sign * bearing.element_diameter_mm / bearing.pitch_diameter_mm * std::cos(angle));
}

// The load where the spot of an inner race is, r turns after the middle of the load zone, as a share of the highest:
// max(0, 1 - depth (1 - cos 2 pi r) / 2). That is Stribeck's distribution, as in McFadden and Smith 1984, "Model for the
// vibration produced by a single point defect in a rolling element bearing", with depth = 1 / epsilon and, for plainness, an
// exponent of 1 where theirs is 1.5 for balls. At depth 2 half the turn is without load.
double load_share(double depth, double turns) { return std::max(0.0, 1 - depth * (1 - std::cos(two_pi * turns)) / 2); }

// The sum of Gaussian steps of variance 1, independent of each other, which can be asked for at any step: it is 0 at every
// multiple of walk_steps, and between them is found by halving (Levy's construction). The middle of a stretch of n steps has the
// mean of its ends and variance n / 4. Each step is the middle of one stretch alone, and draws by its number.
double random_walk(std::uint64_t seed, std::string_view purpose, std::int64_t step) {
  std::int64_t first = step & ~(walk_steps - 1);
  double at_first = 0;
  double at_last = 0;
  for (std::int64_t half = walk_steps / 2; first != step; half /= 2) {
    const std::int64_t middle = first + half;
    Random random(seed_for(seed, purpose, "", static_cast<std::uint64_t>(middle)));
    const double at_middle = (at_first + at_last) / 2 + std::sqrt(static_cast<double>(half) / 2) * random.normal();
    if (step < middle) {
      at_last = at_middle;
    } else {
      first = middle;
      at_first = at_middle;
    }
  }
  return at_first;
}

}  // namespace

SpeedSchedule::SpeedSchedule(std::vector<SpeedPoint> points) : points_(std::move(points)) {
  STETHOS_CHECK(!points_.empty(), "a schedule has a point");
  if (points_.front().time_s > 0) points_.insert(points_.begin(), SpeedPoint{0, points_.front().rpm});
  turned_.push_back(0);
  for (std::size_t i = 1; i < points_.size(); ++i) {
    STETHOS_CHECK(points_[i].time_s > points_[i - 1].time_s, "the times of a schedule ascend");
    turned_.push_back(turned_.back() + integral(i - 1, points_[i].time_s));
  }
  const std::size_t segment = segment_at(0);
  turned_at_zero_ = turned_[segment] + integral(segment, 0);
}

std::size_t SpeedSchedule::segment_at(double time_s) const {
  const auto after = std::ranges::upper_bound(points_, time_s, {}, &SpeedPoint::time_s);
  return after == points_.begin() ? 0 : static_cast<std::size_t>(after - points_.begin()) - 1;
}

double SpeedSchedule::rpm(double time_s) const {
  const std::size_t i = segment_at(time_s);
  if (time_s <= points_[i].time_s || i + 1 == points_.size()) return points_[i].rpm;
  const double share = (time_s - points_[i].time_s) / (points_[i + 1].time_s - points_[i].time_s);
  return points_[i].rpm + share * (points_[i + 1].rpm - points_[i].rpm);
}

double SpeedSchedule::integral(std::size_t segment, double time_s) const {
  const double passed_s = time_s - points_[segment].time_s;
  return (points_[segment].rpm + rpm(time_s)) / 2 * passed_s / 60;
}

double SpeedSchedule::revolutions(double time_s) const {
  const std::size_t segment = segment_at(time_s);
  return turned_[segment] + integral(segment, time_s) - turned_at_zero_;
}

double Bearing::outer_race_order() const { return race_order(*this, -1) * (1 - slip); }
double Bearing::inner_race_order() const { return race_order(*this, +1) + race_order(*this, -1) * slip; }

double Fault::severity(double time_s) const {
  if (kind == FaultKind::none || time_s <= start_s) return 0;
  return std::min(severity_max, (time_s - start_s) / 3600 * growth_per_hour);
}

bool SensorFault::is_at(double time_s) const {
  return kind != SensorFaultKind::none && time_s >= start_s && (duration_s == 0 || time_s < start_s + duration_s);
}

VibrationModel::VibrationModel(VibrationOptions options, SpeedSchedule speed, std::uint64_t seed)
    : options_(std::move(options)), speed_(std::move(speed)), seed_(seed) {
  if (options_.harmonics_g.empty()) options_.harmonics_g.push_back(0);  // an imbalance adds to the first one
  Random random(seed_for(seed_, "phases", ""));
  for (std::size_t i = 0; i < options_.harmonics_g.size(); ++i) phases_.push_back(two_pi * random.uniform());
  impulse_phase_ = random.uniform();
  for (double& phase : gear_phases_) phase = two_pi * random.uniform();
  if (options_.sensor.kind == SensorFaultKind::stuck) fill_without_sensor(options_.sensor.start_s, no_block, {&stuck_g_, 1});
}

double VibrationModel::speed_factor(double time_s) const {
  const double ratio = speed_.rpm(time_s) / options_.rated_rpm;
  return ratio * ratio;
}

void VibrationModel::fill(double start_s, std::uint64_t block, std::span<double> out) const {
  fill_without_sensor(start_s, block, out);
  if (options_.sensor.kind != SensorFaultKind::none) spoil_by_sensor(start_s, out);
}

void VibrationModel::fill_without_sensor(double start_s, std::uint64_t block, std::span<double> out) const {
  std::ranges::fill(out, 0.0);
  add_shaft(start_s, out);
  if (options_.gear.mesh_1_g > 0 || options_.gear.mesh_2_g > 0) add_gear(start_s, out);
  if (options_.fault.kind == FaultKind::outer_race || options_.fault.kind == FaultKind::inner_race) add_impulses(start_s, out);
  add_noise(block, out);
}

void VibrationModel::add_shaft(double start_s, std::span<double> out) const {
  for (std::size_t n = 0; n < out.size(); ++n) {
    const double time_s = start_s + static_cast<double>(n) / options_.sampling_rate_hz;
    const double turned = speed_.revolutions(time_s);
    const double angle = two_pi * (turned - std::floor(turned));
    double sum = 0;
    for (std::size_t i = 0; i < options_.harmonics_g.size(); ++i) {
      double amplitude = options_.harmonics_g[i];
      if (i == 0 && options_.fault.kind == FaultKind::imbalance) amplitude += options_.fault.severity(time_s);
      sum += amplitude * std::sin(static_cast<double>(i + 1) * angle + phases_[i]);
    }
    out[n] += speed_factor(time_s) * sum;
  }
}

// (1 + m cos 2 pi r) (A1 sin 2 pi z r + A2 sin 4 pi z r) with r turns of the shaft, z teeth and phases of their own: lines at the
// mesh and twice the mesh, each with sidebands of m / 2 of its height one shaft speed away (McFadden 1986, "Detecting fatigue
// cracks in gears by amplitude and phase demodulation of the meshing vibration", of which this is the amplitude's first order).
void VibrationModel::add_gear(double start_s, std::span<double> out) const {
  const Gear& gear = options_.gear;
  const auto& [phase_1, phase_2, phase_modulation] = gear_phases_;
  for (std::size_t n = 0; n < out.size(); ++n) {
    const double time_s = start_s + static_cast<double>(n) / options_.sampling_rate_hz;
    const double turned = speed_.revolutions(time_s);
    const double shaft = two_pi * (turned - std::floor(turned));
    const double mesh = gear.teeth * shaft;
    const double sum = gear.mesh_1_g * std::sin(mesh + phase_1) + gear.mesh_2_g * std::sin(2 * mesh + phase_2);
    out[n] += speed_factor(time_s) * (1 + gear.modulation * std::cos(shaft + phase_modulation)) * sum;
  }
}

// How many elements have passed when the impulse comes. Without jitter that is its number. With it, each spacing differs from the
// mean by chance of its own, for slip has no memory (Randall and Antoni 2011, "Rolling element bearing diagnostics - a
// tutorial"): differences add up, and lines of the spectrum widen with their frequency. Impulses that each missed a regular beat
// would leave sharp lines that no bearing has.
double VibrationModel::impulse_at(std::int64_t number) const {
  const double regular = static_cast<double>(number);
  if (options_.bearing.jitter == 0) return regular;
  return regular + options_.bearing.jitter * random_walk(seed_, "jitter", number);
}

void VibrationModel::add_impulses(double start_s, std::span<double> out) const {
  const bool inner = options_.fault.kind == FaultKind::inner_race;
  const double order = inner ? options_.bearing.inner_race_order() : options_.bearing.outer_race_order();
  const double step_s = 1 / options_.sampling_rate_hz;
  const std::complex<double> rate(-1 / options_.ring_time_s, two_pi * options_.resonance_hz);
  const std::complex<double> turn = std::exp(rate * step_s);
  const auto passes_at = [&](double time_s) { return order * speed_.revolutions(time_s) + impulse_phase_; };

  // The ringing that is heard at the start comes from impulses before it.
  const auto before = static_cast<std::int64_t>(std::ceil(ring_times_heard * options_.ring_time_s / step_s));
  std::complex<double> ringing = 0;
  double passes = passes_at(start_s - static_cast<double>(before + 1) * step_s);
  auto next = static_cast<std::int64_t>(std::floor(passes));
  while (impulse_at(next) > passes) --next;
  while (impulse_at(next) <= passes) ++next;
  double next_at = impulse_at(next);
  for (std::int64_t n = -before; n < static_cast<std::int64_t>(out.size()); ++n) {
    const double time_s = start_s + static_cast<double>(n) * step_s;
    const double passes_now = passes_at(time_s);
    ringing *= turn;
    for (; next_at <= passes_now; next_at = impulse_at(++next)) {
      const double late_s = (passes_now - next_at) / (passes_now - passes) * step_s;
      const double hit_s = time_s - late_s;
      double height = options_.fault.severity(hit_s) * speed_factor(hit_s);
      Random random(seed_for(seed_, "impulse", "", static_cast<std::uint64_t>(next)));
      height *= std::max(0.0, 1 + impulse_spread * random.normal());
      if (inner) height *= load_share(options_.bearing.load_zone_depth, speed_.revolutions(hit_s));
      ringing += height * std::exp(rate * late_s);
    }
    passes = passes_now;
    if (n >= 0) out[static_cast<std::size_t>(n)] += ringing.imag();
  }
}

void VibrationModel::add_noise(std::uint64_t block, std::span<double> out) const {
  if (options_.noise_g == 0) return;
  Random random(seed_for(seed_, "noise", "", block));
  for (double& sample : out) sample += options_.noise_g * random.normal();
}

void VibrationModel::spoil_by_sensor(double start_s, std::span<double> out) const {
  const SensorFault& sensor = options_.sensor;
  // A walk of variance 1 a step that is back at 0 after n steps has variance k (n - k) / n at step k: n / 6 in the mean. The
  // power of a walk falls with the square of the frequency, its amplitude with the frequency.
  const double step_g = sensor.drift_g / std::sqrt(static_cast<double>(walk_steps) / 6);
  const std::int64_t first = std::llround(start_s * options_.sampling_rate_hz);
  for (std::size_t n = 0; n < out.size(); ++n) {
    if (!sensor.is_at(start_s + static_cast<double>(n) / options_.sampling_rate_hz)) continue;
    switch (sensor.kind) {
      case SensorFaultKind::stuck:
        out[n] = stuck_g_;
        break;
      case SensorFaultKind::clipped:
        out[n] = std::clamp(out[n], -sensor.full_scale_g, sensor.full_scale_g);
        break;
      case SensorFaultKind::drifting:
        out[n] += step_g * random_walk(seed_, "drift", first + static_cast<std::int64_t>(n));
        break;
      case SensorFaultKind::none:
        break;
    }
  }
}

TemperatureModel::TemperatureModel(const TemperatureOptions& options, SpeedSchedule speed, std::uint64_t seed)
    : options_(options), speed_(std::move(speed)), seed_(seed), degc_(target(0)) {}

double TemperatureModel::target(double time_s) const {
  double degc = options_.ambient_degc + options_.load_heat_k * speed_.rpm(time_s) / options_.rated_rpm;
  if (options_.fault.kind == FaultKind::overheating) degc += options_.fault.severity(time_s);
  return degc;
}

double TemperatureModel::at(double time_s, std::uint64_t reading) {
  while (time_s_ < time_s) {
    const double step_s = std::min(thermal_step_s, time_s - time_s_);
    degc_ += (target(time_s_ + step_s / 2) - degc_) * -std::expm1(-step_s / options_.time_constant_s);
    time_s_ += step_s;
  }
  return degc_ + options_.noise_k * Random(seed_for(seed_, "temperature", "", reading)).normal();
}

}  // namespace stethos::firmware_sim
