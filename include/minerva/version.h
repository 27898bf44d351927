// The version of Minerva. CMake reads it from here.
#pragma once

// NOLINTBEGIN(modernize-macro-to-enum): the preprocessor can compare them
#define MINERVA_VERSION_MAJOR 0
#define MINERVA_VERSION_MINOR 1
#define MINERVA_VERSION_PATCH 0
// NOLINTEND(modernize-macro-to-enum)
#define MINERVA_VERSION_STRING "0.1.0"
