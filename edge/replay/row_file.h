// Window rows as text, for programs that take files: JSON, one object a line, or CSV with a heading. One thread.
//
// Every line begins with its row's number in the spool. So whoever goes on with a file finds in its last line what it has, and
// each row stands in it once, whenever the process was killed. What the file has is compared with what would have been written: a
// file of another replay, of another recording, configuration or program, is not gone on with.
#pragma once

#include <cstdint>
#include <cstdio>
#include <fstream>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "common/result.h"
#include "edge/core/effect.h"
#include "edge/window/parameters.h"
#include "schemas/envelope.h"

namespace stethos::edge {

enum class RowFileFormat : std::uint8_t { json_lines, csv };

// A statistic of a row, and its parameter.
using RowColumn = std::pair<std::uint16_t, std::uint16_t>;

// As StreamLabels::find.
using FindLabels = std::function<Result<const WindowLabels*>(std::uint64_t version)>;

class RowFile {
 public:
  // "-": standard output. A file that is there is gone on with, after what `columns` and `parameters` say is found in its
  // heading.
  static Result<std::unique_ptr<RowFile>> open(const std::string& path, RowFileFormat format, std::vector<RowColumn> columns,
                                               const Parameters& parameters, FindLabels find_labels);

  // Leaves out rows that the file has, unless it has them otherwise: Code::invalid. `body`: of a window's row.
  Status add(std::uint64_t number, schema::Bytes body);

  // All has been added: whether the file has more than that.
  Status finish() const;

  // What was added is on the disk when this returns.
  Status sync();

 private:
  struct Close {
    void operator()(std::FILE* file) const;
  };
  using File = std::unique_ptr<std::FILE, Close>;

  RowFile(std::string path, File file, RowFileFormat format, std::vector<RowColumn> columns, const Parameters& parameters,
          FindLabels find_labels)
      : path_(std::move(path)),
        file_(std::move(file)),
        format_(format),
        columns_(std::move(columns)),
        parameters_(parameters),
        find_labels_(std::move(find_labels)) {}
  Status go_on();
  Status compare(std::uint64_t number, std::string_view line);
  std::string heading() const;
  std::string csv_line(std::uint64_t number, const schema::WindowRow& row, const WindowLabels* labels) const;

  std::string path_;
  File file_;
  RowFileFormat format_;
  std::vector<RowColumn> columns_;  // of CSV
  const Parameters& parameters_;
  const FindLabels find_labels_;
  std::uint64_t last_number_ = 0;
  std::uint64_t number_there_ = 0;  // the last that the file had when it was opened; 0: none
  std::uint64_t compared_ = 0;  // the last of them that was compared; 0: none
  std::ifstream there_;  // what it had then, from the first line that was not compared
};

}  // namespace stethos::edge
