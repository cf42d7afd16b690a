#include "recordings/mat.h"

#include <gmock/gmock.h>

#include <cmath>

#include "tests/unit/recordings/mat_files.h"
#include "tests/unit/recordings/scratch_folder.h"

namespace stethos::recordings {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

const MatMaker mat;

ReadOut read_mat(const std::string& elements, const std::vector<std::string>& paths = {},
                 const FrameOptions& options = {.rate_hz = 1'000, .channels = {}}, const std::string& name = "97.mat") {
  static const ScratchFolder folder;  // one for thousands of files
  const auto recording = open_mat(folder.write(name, mat.file_of(elements)), paths, options);
  return recording ? read_out(**recording) : ReadOut{{}, recording.error().text()};
}

std::vector<std::string> names_in(const ReadOut& out) {
  EXPECT_EQ(out.error, "");
  std::vector<std::string> names;
  for (const Record& record : out.records) {
    for (const ChannelData& channel : record.channels) names.push_back(channel.channel);
  }
  return names;
}

const std::string cwru_record = mat.vector_of("X097_DE_time", {1, 2, 3}) + mat.vector_of("X097_FE_time", {4, 5, 6}) +
                                mat.array_of("X097RPM", {1, 1}, mat.small_element(4, mat.number(std::uint16_t{1'796})));

TEST(Mat, TheLayoutOfCwruIsRecognised) {
  const ReadOut out = read_mat(cwru_record + mat.vector_of("t", {1, 2, 3}), {},
                               {.rate_hz = 12'000, .block_samples = 2, .channels = {}, .scale = 2});
  EXPECT_THAT(names_in(out), ElementsAre("DE", "FE", "DE", "FE"));
  EXPECT_THAT(channels_of(out), ElementsAre(ElementsAre(2, 4, 6), ElementsAre(8, 10, 12)));
  EXPECT_DOUBLE_EQ(out.records.at(0).channels.at(1).shaft_hz, 1'796 / 60.0);
  EXPECT_DOUBLE_EQ(out.records[0].channels[0].interval_ns, 1e9 / 12'000);
  EXPECT_THAT(read_mat(cwru_record, {}, {}).error, HasSubstr("it does not say its sampling rate: --rate does"));
  EXPECT_THAT(names_in(read_mat(cwru_record, {}, {.rate_hz = 1, .channels = {"x"}})), ElementsAre("x-1", "x-2"));
  const ReadOut named = read_mat(cwru_record, {"X097_FE_time"});
  EXPECT_THAT(names_in(named), ElementsAre("FE"));
  EXPECT_DOUBLE_EQ(named.records.at(0).channels.at(0).shaft_hz, 1'796 / 60.0);
  EXPECT_EQ(read_mat(mat.vector_of("X1_BA_time", {1, 2})).records.at(0).channels.at(0).shaft_hz, 0);
  EXPECT_THAT(read_mat(cwru_record + mat.vector_of("X097_BA_time", {1, 2})).error, HasSubstr("of 3 and of 2 samples"));
}

TEST(Mat, OfSeveralRecordsOfCwruTheOneOfTheFileIsMeant) {
  const std::string both = cwru_record + mat.vector_of("X098_DE_time", {7, 8});
  EXPECT_THAT(channels_of(read_mat(both, {}, {.rate_hz = 1, .channels = {}}, "98_Normal.mat")), ElementsAre(ElementsAre(7, 8)));
  EXPECT_THAT(names_in(read_mat(both, {}, {.rate_hz = 1, .channels = {}}, "097.mat")), ElementsAre("DE", "FE"));
  EXPECT_THAT(read_mat(both, {}, {.rate_hz = 1, .channels = {}}, "Normal.mat").error,
              HasSubstr("--column says which of several it is: X097_DE_time (3 x 1 numbers), X097_FE_time (3 x 1 numbers), "
                        "X098_DE_time (2 x 1 numbers)"));
  EXPECT_THAT(read_mat(both, {"X097_DE_time", "X098_DE_time"}).error, HasSubstr("differ in rate or speed"));
}

TEST(Mat, TheLayoutOfMfptSaysItsRateAndSpeed) {
  const auto of = [](double rate_hz) {
    return mat.struct_of(
        "bearing", {"sr", "rate", "gs", "load"},
        {mat.vector_of("", {rate_hz}), mat.vector_of("", {25}), mat.vector_of("", {1, 2, 3}), mat.vector_of("", {270})});
  };
  const ReadOut out = read_mat(mat.vector_of("t", {1, 2, 3}) + of(97'656), {}, {});
  EXPECT_THAT(names_in(out), ElementsAre("gs"));
  const ChannelData& channel = out.records.at(0).channels.at(0);
  EXPECT_THAT(channel.samples, ElementsAre(1, 2, 3));
  EXPECT_DOUBLE_EQ(channel.interval_ns, 1e9 / 97'656);
  EXPECT_EQ(channel.shaft_hz, 25);
  EXPECT_EQ(read_mat(of(97'656), {"bearing.gs"}, {}).records.at(0).channels.at(0).shaft_hz, 25);
  EXPECT_DOUBLE_EQ(read_mat(of(97'656), {}, {.rate_hz = 10, .channels = {}}).records.at(0).channels.at(0).interval_ns, 1e8);
  for (const double wrong : {0.0, -1.0, std::nan(""), 1e-300, 1e300}) EXPECT_NE(read_mat(of(wrong), {}, {}).error, "") << wrong;
}

TEST(Mat, AnythingElseIsTakenWhereThereIsOneOnly) {
  const std::string about = mat.vector_of("sensor", {7}) + mat.array_of("text", {1, 4}, mat.element(4, "abcdefgh"), 4);
  const std::string row = mat.array_of("row", {1, 3}, mat.element(7, mat.numbers<float>({1, 2, 3})), 7);
  const std::string matrix = mat.array_of("m", {3, 2}, mat.element(3, mat.numbers<std::int16_t>({1, 2, 3, 4, 5, 6})));
  const ReadOut out = read_mat(about + row);
  EXPECT_THAT(names_in(out), ElementsAre("row"));
  EXPECT_THAT(channels_of(out), ElementsAre(ElementsAre(1, 2, 3)));
  const ReadOut two = read_mat(matrix + about, {}, {.rate_hz = 1, .block_samples = 2, .channels = {}});
  EXPECT_THAT(names_in(two), ElementsAre("m-1", "m-2", "m-1", "m-2"));
  EXPECT_THAT(channels_of(two), ElementsAre(ElementsAre(1, 2, 3), ElementsAre(4, 5, 6)));
  EXPECT_THAT(read_mat(row + matrix).error,
              HasSubstr("97.mat: --column says which of several it is: row (1 x 3 numbers), m (3 x 2"));
  EXPECT_THAT(names_in(read_mat(row + matrix, {"m", "row"})), ElementsAre("m-1", "m-2", "row"));
  EXPECT_THAT(read_mat(row + matrix, {"M"}).error, HasSubstr("it has no array \"M\": there are row"));
  EXPECT_THAT(read_mat(about).error, HasSubstr("it has no array of samples: there are sensor (1 x 1 numbers)"));
  EXPECT_THAT(read_mat("").error, HasSubstr("it has no array of samples: there are none"));
}

TEST(Mat, WhatIsNoSeriesIsRefused) {
  const std::string wide = mat.array_of("wide", {2, 33}, mat.element(2, std::string(66, 'x')), 9);
  EXPECT_THAT(read_mat(wide).error, HasSubstr("it has no array of samples: there are wide (2 x 33 numbers)"));
  EXPECT_THAT(read_mat(wide, {"wide"}).error,
              HasSubstr("wide has 2 x 33 numbers: a vector is read, or a matrix of up to 32 columns"));
  const std::string two = mat.element(9, mat.numbers<double>({1, 2}));
  EXPECT_THAT(read_mat(mat.array_of("z", {1, 2}, two + two, 0x806), {"z"}).error, HasSubstr("z has 1 x 2 complex numbers"));
  EXPECT_THAT(read_mat(mat.array_of("none", {0, 0}, mat.element(9, "")), {"none"}).error, HasSubstr("none has 0 x 0 numbers"));
  std::string many;
  for (int i = 0; i < 60; ++i) many += mat.vector_of("x" + std::to_string(i), {1, 2});
  EXPECT_THAT(read_mat(many).error, HasSubstr("x39 (2 x 1 numbers) and 20 more"));
}

TEST(Mat, WhatIsMissingStaysMissing) {
  const auto channels = channels_of(read_mat(mat.vector_of("x", {std::nan(""), INFINITY, 1})));
  EXPECT_TRUE(std::isnan(channels.at(0).at(0)));
  EXPECT_FALSE(std::isfinite(channels[0].at(1)));
}

// Whatever bytes are changed, a file is read or refused: nothing else may happen.
TEST(Mat, EveryByteMayBeAnything) {
  const std::string bearing = mat.struct_of("bearing", {"sr", "gs"}, {mat.vector_of("", {97'656}), mat.vector_of("", {1, 2, 3})});
  for (const std::string& good : {cwru_record, bearing}) {
    for (std::size_t at = 0; at < good.size(); ++at) {
      for (const char byte : {'\x00', '\x01', '\x20', '\x7f', '\x80', '\xff'}) {
        std::string changed = good;
        changed[at] = byte;
        read_mat(changed, {}, {});
        read_mat(changed, {}, {.rate_hz = 1'000, .channels = {}});
      }
    }
  }
}

}  // namespace
}  // namespace stethos::recordings
