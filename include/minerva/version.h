// The version of Minerva. CMake reads it from here.
#pragma once

#define MINERVA_VERSION_MAJOR 0
#define MINERVA_VERSION_MINOR 1
#define MINERVA_VERSION_PATCH 0
#define MINERVA_VERSION_STRING "0.1.0"
