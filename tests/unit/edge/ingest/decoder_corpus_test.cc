// Every payload of tests/data/payloads.toml by every configuration of it, and what the fuzzer has found: tests/fuzz/corpus.
#include <gtest/gtest.h>
#define TOML_MAX_NESTED_VALUES 16
#include <toml++/toml.h>

#include <fstream>
#include <iterator>
#include <string>
#include <vector>

#include "edge/ingest/field_value.h"
#include "tests/folders.h"
#include "tests/fuzz/decoder_input.h"

namespace stethos::edge {
namespace {

TEST(DecoderCorpus, APayloadOfOneConfigurationHarmsNoOther) {
  const toml::table table = toml::parse_file((test::source_folder() / "tests" / "data" / "payloads.toml").string());
  std::size_t read = 0;
  for (const toml::node& node : *table["payload"].as_array()) {
    const toml::table& row = *node.as_table();
    std::string payload = row["payload"].value_or("");
    if (const auto bytes = row["payload_base64"].value<std::string>()) payload = *decode_base64(*bytes);
    for (std::size_t i = 0; i < test::decoder_configurations(); ++i, ++read) {
      std::vector<std::uint8_t> input{static_cast<std::uint8_t>(i)};
      input.insert(input.end(), payload.begin(), payload.end());
      test::read_decoder_input(input);
    }
  }
  EXPECT_GT(read, 1'000u);
}

TEST(DecoderCorpus, WhatTheFuzzerFoundIsRead) {
  std::size_t read = 0;
  for (const auto& entry : std::filesystem::directory_iterator(test::source_folder() / "tests" / "fuzz" / "corpus")) {
    std::ifstream file(entry.path(), std::ios::binary);
    const std::vector<std::uint8_t> input{std::istreambuf_iterator<char>(file), {}};
    test::read_decoder_input(input);
    ++read;
  }
  EXPECT_GT(read, 0u);
}

}  // namespace
}  // namespace stethos::edge
