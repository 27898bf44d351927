// What the examples share: how they end when something fails.
#pragma once

#include <minerva/error.h>

#include <cstdio>

/// Says what is wrong and what to do about it; returns the exit status that the minerva command would have.
inline int failed(const minerva::Error& error) {
  std::fprintf(stderr, "%s\n%s\n", error.message.c_str(), error.remedy.c_str());
  return minerva::exit_status(error.code);
}
