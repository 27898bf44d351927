/// @file
/// The version of Minerva. CMake reads it from here.
#pragma once

// NOLINTBEGIN(modernize-macro-to-enum): the preprocessor can compare them
#define MINERVA_VERSION_MAJOR 0  ///< counts up when what programs rely on changes, once it is 1
#define MINERVA_VERSION_MINOR 1  ///< counts up with what is new; while MAJOR is 0, with any change
#define MINERVA_VERSION_PATCH 0  ///< counts up with what is mended
// NOLINTEND(modernize-macro-to-enum)
/// "MAJOR.MINOR.PATCH" of these headers; `minerva::version()` is the library's.
#define MINERVA_VERSION_STRING "0.1.0"
