// Marks what libminerva exports; everything else stays inside the library.
#pragma once

#define MINERVA_API __attribute__((visibility("default")))
