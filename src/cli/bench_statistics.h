// What a few measurements say together.
#pragma once

#include <vector>

namespace minerva::cli {

struct Statistics {
  double median = 0;
  double min = 0;
  double max = 0;
};

/// All 0 for no values.
Statistics statistics(std::vector<double> values);

}  // namespace minerva::cli
