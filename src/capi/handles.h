// What stands behind the C API's objects.
#pragma once

#include <memory>
#include <stop_token>

#include "minerva/engine.h"
#include "minerva/minerva.h"

struct minerva_engine {
  explicit minerva_engine(const minerva::EngineOptions& options) : engine(options) {}
  minerva::Engine engine;
};

struct minerva_model {
  std::shared_ptr<minerva::LoadedModel> model;
};

struct minerva_cancel_source {
  std::stop_source source;
};
