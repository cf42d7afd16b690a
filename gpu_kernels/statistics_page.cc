#include <array>
#include <charconv>

#include "gpu_kernels/statistics.h"
#include "gpu_kernels/tolerances.h"

namespace stethos::kernels {
namespace {

std::string_view text_of(UnitRule unit) {
  switch (unit) {
    case UnitRule::same:
      return "that of the samples";
    case UnitRule::count:
      return "samples";
    case UnitRule::none:
      return "1 (a ratio)";
    case UnitRule::hertz:
      return "Hz";
    case UnitRule::velocity:
      return "mm/s";
  }
  return "";
}

std::string_view text_of(ParameterRule parameter) {
  switch (parameter) {
    case ParameterRule::none:
      return "";
    case ParameterRule::quantile:
      return "`p`, 0 to 1";
    case ParameterRule::band:
      return "`low` and `high`, Hz";
    case ParameterRule::cutoff:
      return "`cutoff`, above 0 Hz";
    case ParameterRule::share:
      return "`share`, above 0, at most 1";
    case ParameterRule::rank:
      return "`rank`, 1 to 100";
    case ParameterRule::multiple:
      return "`multiple` of the shaft's speed, above 0, at most 10,000";
  }
  return "";
}

std::string_view text_of(ToleranceUnit unit) {
  switch (unit) {
    case ToleranceUnit::none:
      return "equal";
    case ToleranceUnit::value:
      return "of the value";
    case ToleranceUnit::mean_magnitude:
      return "of `mean(|x|)`";
    case ToleranceUnit::mean_over_deviation:
      return "of the value, times `1 + mean(|x|) / standard_deviation`";
    case ToleranceUnit::skewness_max:
      return "of `kurtosis^(3/4)`, more than which no skewness is";
    case ToleranceUnit::one:
      return "as it is, between 0 and 1";
    case ToleranceUnit::spectrum_rms:
      return "of the root of the sum of all `s_k`";
    case ToleranceUnit::velocity:
      return "of the same, as if all of it were at the band's lower end";
    case ToleranceUnit::half_rate:
      return "of half the sampling rate";
    case ToleranceUnit::largest_line:
      return "of the block's largest `sqrt(3 s_k)`";
    case ToleranceUnit::multiple_velocity:
      return "of what that line would have as velocity at the multiple";
    case ToleranceUnit::bins:
      return "bins, times the largest `sqrt(3 s_k)` over that of the line";
    case ToleranceUnit::share:
      return "a value for any share no farther off";
    case ToleranceUnit::deviation:
      return "of the block's standard deviation";
    case ToleranceUnit::envelope_lines:
      return "a value from lines and a mean no farther off, in standard deviations of the block";
  }
  return "";
}

std::string_view text_of(Trend trend) {
  switch (trend) {
    case Trend::any:
      return "";
    case Trend::grows:
      return "grows";
    case Trend::shrinks:
      return "shrinks";
  }
  return "";
}

// A bar ends a cell, also inside code.
std::string escaped(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if (c == '|') out += '\\';
    out += c;
  }
  return out;
}

std::string text_of(double number) {
  std::array<char, 32> text;
  return {text.data(), std::to_chars(text.data(), text.data() + text.size(), number).ptr};
}

std::string former(const StatisticDefinition& statistic) {
  return "former, in rows of earlier programs: `" + std::string(statistic.replaced_by) + "` took its place; ";
}

std::string tolerances() {
  std::string heads = "| name |", lines = "|---|";
  for (const auto backend : tolerance_backends()) {
    heads += " " + std::string(backend) + " |";
    lines += "---|";
  }
  std::string out = heads + " in what |\n" + lines + "---|\n";
  for (const StatisticDefinition& each : statistics()) {
    if (each.is_former()) continue;
    out += "| `" + std::string(each.name) + "` |";
    for (const auto backend : tolerance_backends()) {
      const double size = tolerance_of(backend, each.number).size;
      out += " " + (size == 0 ? std::string() : text_of(size)) + " |";
    }
    out += " " + escaped(text_of(tolerance_of("reference", each.number).unit)) + " |\n";
  }
  return out;
}

}  // namespace

std::string statistics_page() {
  std::string out =
      "# Statistics\n\n"
      "This page is made from the registry that computes them (`gpu_kernels/statistics.h`). A number never changes and is "
      "never\n"
      "used again.\n\n"
      "`x` are the good samples of a window: finite, and inside the plausible range of the point table, or of -1e70 to 1e70 "
      "where "
      "it has\n"
      "none. The others are counted and left out. `n` is their count, `m2` to `m4` are sums of powers of the distance from the "
      "mean, as in `m2 = sum((x - "
      "mean)^2)`.\n"
      "All sums are float64. A value that is not defined is a NaN.\n"
      "Of some it is certain what more samples in the same window do: they stay, or become greater (grows) or less (shrinks).\n"
      "\n"
      "A window has one value of each statistic of time, of each quantile and of validity: that of all its samples together, "
      "however\n"
      "they came. Statistics of the spectrum and the envelope, and the low frequency share, need samples that follow each other "
      "without\n"
      "a gap: each block has a value, and a window three: the mean (of amplitudes, those in the unit of the samples or of a "
      "velocity, the\n"
      "root of the mean of squares, `rms`), the maximum and the last (by time) of those of its blocks. Blocks in which the "
      "statistic is\n"
      "not defined do not count.\n"
      "\n"
      "Which blocks these are is what a `[[spectrum]]` says by its `length`: those that come, or [analysis "
      "blocks](#analysis-blocks). Of\n"
      "those that come, one that is shorter than the one before it of its stream, by more than a twentieth, has no statistics of "
      "its\n"
      "own: it is a tail. Its samples count in all others.\n"
      "\n"
      "A block has a spectrum where its sampling rate is known, none of its samples is left out, and it has 8 to 131,072 of "
      "them: "
      "with\n"
      "lengths whose factors are 2, 3 and 5 it is fastest. `s_k` is the mean square that `f_k = k rate / n` adds, one-sided, of "
      "the "
      "block\n"
      "less its mean under a periodic Hann window (at 0 and at half the rate there is one side). Rows name a value by its "
      "parameter and by\n"
      "what is taken over the blocks: `band_rms.1000-5000Hz.rms`, `spectral_rolloff.0.85.mean`, `line_frequency.1.last`,\n"
      "`multiple_amplitude.2x.max`. The lines of a bearing are `bpfo` (a damaged outer ring is struck), `bpfi` (inner ring), "
      "`2bsf` (a\n"
      "rolling element, twice as often as it turns) and `ftf` (the cage), each with its multiple: "
      "`bearing_depth.bpfo.1x.max`.\n";
  for (const Family& family : families()) {
    out += "\n## " + std::string(family.name) + "\n\n" + std::string(family.about) +
           "\n\n| number | name | unit | parameter | with more samples | formula | where not obvious | source "
           "|\n|---|---|---|---|---|---|---|---|\n";
    for (const StatisticDefinition& each : family.statistics) {
      out += "| " + std::to_string(each.number) + " | `" + std::string(each.name) + "` | " + std::string(text_of(each.unit)) +
             " | " + std::string(text_of(each.parameter)) + " | " + std::string(text_of(each.trend)) + " | `" +
             escaped(each.formula) + "` | " + (each.is_former() ? former(each) : "") + std::string(each.edge_cases) + " | " +
             std::string(each.source) + " |\n";
    }
  }
  out +=
      "\n## Merging\n\n"
      "A window is merged from panes, and panes from blocks. What is merged are `n`, mean, `m2`, `m3`, `m4`, extremes and the "
      "sums\n"
      "of `|x|` and `sqrt(|x|)`, after Chan, Golub and LeVeque (1979) and Pebay (2008, SAND2008-6212); statistics are computed "
      "from\n"
      "the result. Merging with nothing changes no bit. Merging in another order agrees within rounding: after a million merges "
      "the "
      "sums\n"
      "are within `1e-13 (1 + 0.001 |mean| / standard deviation)` of those of all samples at once. Buckets and validity are "
      "equal "
      "in any\n"
      "order.\n"
      "\n"
      "## Analysis blocks\n"
      "\n"
      "Where a `[[spectrum]]` has a `length` other than `message`, blocks of a stream that follow one another are joined and cut "
      "again, and the\n"
      "statistics of single blocks are those of the analysis blocks, so that they do not depend on how a device cuts its "
      "messages. All\n"
      "other statistics are of the samples as they come.\n"
      "\n"
      "- An analysis block has `length` times the sampling rate samples, rounded, 256 to 131,072; the next one begins `1 - "
      "overlap` of that later.\n"
      "- `auto` is the length in which all bands, all multiples and the first line of each kind of the bearing are defined at "
      "nine tenths of\n"
      "  the point table's `nominal_rpm` (but for lines that need more than 50 turns), at most `time.watermark_delay`, rounded "
      "up to an even number\n"
      "  whose factors are 2, 3 and 5. Without a `nominal_rpm` it is at least a second.\n"
      "- A block follows those before it where its stamp is no further than `gap_max` from the end of the last, and from where "
      "all that is kept\n"
      "  says, each by the samples times their interval; where blocks are shorter than twice `gap_max`, half of the shorter one. "
      "Anything else (a gap, a block out of order, another rate, another source of the speed, another description of the\n"
      "  channel) ends what was joined: samples that are in no analysis block by then are in none. "
      "`stethos_edge_joins_ended_total` counts.\n"
      "- A block that has no time but that of its arrival, or that is put through again, is joined to no other: analysis blocks "
      "lie within it.\n"
      "- Its speed is the mean over its samples of what is known of each block.\n"
      "- It belongs to the windows of the block in which it begins; windows of a number of samples have it with the block that "
      "completes it.\n"
      "  Windows wait for what begins in a block that is kept, so a window has all of its analysis blocks when it is first "
      "final.\n"
      "- What the next analysis block needs is state, in the spool: after a kill the rows are the same. `check` says how much "
      "that writes.\n"
      "\n"
      "## The shaft's speed\n"
      "\n"
      "Multiples and the lines of a bearing need it. It is what the device says with the block (for an analysis block the mean "
      "over its\n"
      "samples), else the last reading of the machine's channel of `rotational_speed` that is not too old, else an estimate, "
      "else the point table's\n"
      "`nominal_rpm`. Rows say which (`block`, `stream`, `estimate`, `nominal`).\n"
      "\n"
      "The estimate is made where only the point table says a speed, of each (analysis) block that has a spectrum, unless "
      "`speed_range` is 0. In\n"
      "`s_k`, a peak is a bin no lower than both of its neighbours. With `T` turns of the plate's speed in the block and `F_j` "
      "the median of `s_k`\n"
      "over `(j - 1/2) T <= k < (j + 1/2) T` divided by log(2), a peak k there stands out by `o(k) = min(6, 8 log(1 + s_k / (8 "
      "F_j)))`; any other bin by 0. With `R = speed_range + 0.01`, `H`\n"
      "is the most harmonics, 20 at most, for which the spectrum has all bins to `(J + 1/2) T` and one more, `J = ceil(H (1 + "
      "R))`. The score of a\n"
      "speed f is `sum(o(k_h), h = 1 .. H)` with `k_h` the bin nearest `h f` (of two the higher). Speeds are `nominal (1 - R) + "
      "i f_1 / (4 H)`, for i from\n"
      "0, while they are no more than `nominal (1 + R)`. The highest score is u, of several that of the lowest speed; the "
      "estimate is the middle of the speeds in a row around\n"
      "that one whose scores are at least `u - 9`. v is the highest score of any speed that is more than 1 % of the estimate "
      "away (0 where there is none), K is `2 nominal R H / f_1`, 1 at\n"
      "least, and `Q(n, x) = exp(-x) sum(x^i / i!, i = 0 .. n - 1)`.\n"
      "\n"
      "`speed_confidence` is the least of four, each a power of ten: how rarely noise has such a comb, `-log10(K Q(H, u))`; how "
      "much more likely the\n"
      "speed is than any other, `(u - v) / log(10)`; and, for a shaft that turns twice or three times as fast has its harmonics "
      "among these, how rarely\n"
      "noise has the harmonics at the estimate that are no multiples of 2, and of 3: `-log10(Q(n, x))` of their number and "
      "score. It is 0 where the estimate is farther than `speed_range` from the plate's speed.\n"
      "\n"
      "At 3 or more the estimate is the speed; below, no line of a bearing is defined, and\n"
      "multiples are those of the plate. Of white noise, and of noise that the shaft modulates, in 8 to 40 turns none of 1,000 "
      "blocks had 3.\n"
      "Another comb within the range is taken for the shaft's where it stands out alone, as another machine's of nearly the same "
      "speed. The row's speed is that of\n"
      "its last block; values over blocks are of those in which they are defined.\n"
      "\n"
      "## When the configuration changes\n"
      "\n"
      "A window is cut where its stream becomes another, and not where something else is to be computed. What was not asked for "
      "when a\n"
      "sample came is not known of it, so in a window that was open at the restart, and in the hour and the day that hold it,\n"
      "\n"
      "- there are no quantiles (null), unless its `[[window]]` had some when each of its samples came;\n"
      "- validity is that of the blocks that came while it was shown: a run of equal values that began before counts from "
      "there;\n"
      "- statistics of the spectrum and the envelope are of the blocks for which they were computed; where a band, a "
      "tolerance, the\n"
      "  geometry of a bearing or the `length` of analysis blocks changed and its name did not, the mean is one of both.\n"
      "\n"
      "Counts, moments and extremes are of all samples all the same. The row does not say so, other than by its provenance, "
      "which is that of\n"
      "the run that sent it. From the first window on that begins after the restart all is as configured.\n"
      "\n## Tolerances\n\n"
      "How far a number may be off: the reference backend's from what its formula gives without rounding, any other backend's "
      "from "
      "the\n"
      "reference's. An empty cell: not at all. So also of the counts in buckets, of what is left out, and of whether a value is "
      "defined,\n"
      "but for a line that is hidden by rounding. Of finite samples whose standard deviation is zero, or between 1e-77 and 1e76 "
      "times\n"
      "their unit: its fourth power must fit into a float64.\n\n" +
      tolerances();
  return out;
}

}  // namespace stethos::kernels
