/// @file
/// Marks what libminerva exports; everything else stays inside the library.
#pragma once

/// Stands before what libminerva exports.
#define MINERVA_API __attribute__((visibility("default")))
