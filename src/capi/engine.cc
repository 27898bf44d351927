// The C API's engine.
#include "minerva/engine.h"

#include <memory>
#include <new>

#include "capi/guard.h"
#include "capi/handles.h"
#include "capi/requests.h"
#include "capi/results.h"

using namespace minerva;        // NOLINT(google-build-using-namespace): the functions below are C's
using namespace minerva::capi;  // NOLINT(google-build-using-namespace)

minerva_status minerva_engine_create(const minerva_engine_options* options, minerva_engine** engine,
                                     minerva_error** error) {
  clear(engine);
  return guarded(error, [&]() -> Result<void> {
    MINERVA_TRY(need(engine, "engine"));
    MINERVA_ASSIGN(const auto wanted, to_engine_options(options));
    *engine = std::make_unique<minerva_engine>(wanted).release();
    return {};
  });
}

void minerva_engine_free(minerva_engine* engine) {
  delete engine;
}

minerva_status minerva_engine_resident(const minerva_engine* engine, minerva_resident_models** models,
                                       minerva_error** error) {
  clear(models);
  return guarded(error, [&]() -> Result<void> {
    MINERVA_TRY(need(engine, "engine"));
    MINERVA_TRY(need(models, "models"));
    *models = std::make_unique<OwnedResidentModels>(engine->engine.resident()).release();
    return {};
  });
}

void minerva_resident_models_free(minerva_resident_models* models) {
  delete static_cast<OwnedResidentModels*>(models);
}

minerva_status minerva_engine_unload(minerva_engine* engine, const char* path, minerva_error** error) {
  return guarded(error, [&]() -> Result<void> {
    MINERVA_TRY(need(engine, "engine"));
    MINERVA_ASSIGN(const auto where, to_path(path));
    return engine->engine.unload(where);
  });
}

minerva_status minerva_engine_pin(minerva_engine* engine, const char* path, bool pinned,
                                  minerva_error** error) {
  return guarded(error, [&]() -> Result<void> {
    MINERVA_TRY(need(engine, "engine"));
    MINERVA_ASSIGN(const auto where, to_path(path));
    return engine->engine.pin(where, pinned);
  });
}

minerva_status minerva_engine_keep_alive(minerva_engine* engine, const char* path, int64_t duration_ms,
                                         minerva_error** error) {
  return guarded(error, [&]() -> Result<void> {
    MINERVA_TRY(need(engine, "engine"));
    MINERVA_ASSIGN(const auto where, to_path(path));
    return engine->engine.keep_alive(where, to_duration(duration_ms));
  });
}

minerva_status minerva_engine_backends(const minerva_engine* engine, minerva_backends** backends,
                                       minerva_error** error) {
  clear(backends);
  return guarded(error, [&]() -> Result<void> {
    MINERVA_TRY(need(engine, "engine"));
    MINERVA_TRY(need(backends, "backends"));
    *backends = std::make_unique<OwnedBackends>(engine->engine.backends()).release();
    return {};
  });
}

void minerva_backends_free(minerva_backends* backends) {
  delete static_cast<OwnedBackends*>(backends);
}

minerva_cancel_source* minerva_cancel_source_create(void) {
  try {
    return std::make_unique<minerva_cancel_source>().release();
  } catch (...) {
    return nullptr;
  }
}

void minerva_cancel_source_request(minerva_cancel_source* source) {
  if (source != nullptr) source->source.request_stop();
}

bool minerva_cancel_source_requested(const minerva_cancel_source* source) {
  return source != nullptr && source->source.stop_requested();
}

void minerva_cancel_source_free(minerva_cancel_source* source) {
  delete source;
}
