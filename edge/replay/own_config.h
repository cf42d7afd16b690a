// What a replay does that is given no configuration: windows of a twentieth of the recording, or so, and spectra of what it
// holds.
#pragma once

#include <string>

#include "common/settings.h"
#include "edge/config/edge_config.h"
#include "edge/replay/replay.h"

namespace stethos::edge {

// The text of such a configuration, of one that was parsed. Reads the recording to its end, unless it is one of ours: of that
// only the beginning. `options.bearing` is taken for geometry where it is one ("9,7.94,39.04": elements, and the diameters of one
// and of the pitch in mm; the angle of contact in degrees may follow), and then becomes its name.
Result<std::string> own_config(ReplayOptions& options);

}  // namespace stethos::edge
