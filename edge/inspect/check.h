// `stethos-edge check`: what of a configuration would fail later, said now.
#pragma once

#include <iosfwd>
#include <string>

#include "common/settings.h"
#include "edge/config/edge_config.h"
#include "edge/run.h"

namespace stethos::edge {

// What is wrong goes to standard error, and is what `run` would exit with; what may be wrong goes there too.
Exit check_config(const std::string& path, const settings::Loaded<EdgeConfig>& loaded, std::ostream& out);

}  // namespace stethos::edge
