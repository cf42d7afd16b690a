#include "edge/window/parameters.h"

#include <gtest/gtest.h>

#include "gpu_kernels/spectrum.h"
#include "schemas/envelope.h"

namespace stethos::edge {
namespace {

TEST(Parameters, AStatisticOfBlocksHasThreeAndThoseOfOneTextShareThem) {
  Parameters parameters;
  parameters.add_feature(kernels::number::line_frequency, "1");
  parameters.add_feature(kernels::number::line_amplitude, "1");
  parameters.add_feature(kernels::number::band_rms, "10-1000Hz");
  EXPECT_EQ(parameters.texts(), (std::vector<std::string>{"", "1.mean", "1.max", "1.last", "1.rms", "10-1000Hz.rms",
                                                          "10-1000Hz.max", "10-1000Hz.last"}));
  EXPECT_EQ(parameters.of_feature("1"), (Parameters::OverBlocks{1, 4, 2, 3}));
  EXPECT_EQ(parameters.of_feature("10-1000Hz"), (Parameters::OverBlocks{0, 5, 6, 7})) << "no mean of an amplitude";
  EXPECT_EQ(parameters.of_feature("2"), Parameters::OverBlocks{});
  EXPECT_FALSE(parameters.is_full());
}

TEST(Parameters, AreNoMoreThanARowHolds) {
  Parameters parameters;
  for (int i = 0; i < 10'000; ++i) parameters.add_feature(kernels::number::band_rms, std::to_string(i) + "-100000Hz");
  EXPECT_TRUE(parameters.is_full());
  schema::ProvenanceRowT row;
  row.program = row.backend = row.source = "x";
  row.parameters = parameters.texts();
  EXPECT_TRUE(schema::open_provenance_row(schema::pack(row)).has_value());
  EXPECT_EQ(parameters.of_feature("9999-100000Hz"), Parameters::OverBlocks{});
}

}  // namespace
}  // namespace stethos::edge
