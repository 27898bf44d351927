// Where the tests find what they read and start. Only paths.cc is compiled with the project's place on this
// machine, so that everything else is the same object in every clone, and ccache finds it again.
#pragma once

#include <filesystem>

namespace minerva::testing {

std::filesystem::path source_root();
/// Models that tools/setup fetched.
std::filesystem::path assets();
/// tests/data
std::filesystem::path test_data();
/// llama.cpp's source tree.
std::filesystem::path llama_source();
/// The minerva program of this build.
std::filesystem::path minerva_program();
/// The measure_memory program of this build.
std::filesystem::path measure_memory_program();

}  // namespace minerva::testing
