#include "support/paths.h"

namespace minerva::testing {

std::filesystem::path source_root() {
  return MINERVA_SOURCE_ROOT;
}
std::filesystem::path assets() {
  return MINERVA_ASSETS;
}
std::filesystem::path test_data() {
  return source_root() / "tests/data";
}
std::filesystem::path llama_source() {
  return MINERVA_LLAMA_SOURCE;
}
std::filesystem::path minerva_program() {
  return MINERVA_PROGRAM;
}
std::filesystem::path measure_memory_program() {
  return MINERVA_MEASURE;
}

}  // namespace minerva::testing
