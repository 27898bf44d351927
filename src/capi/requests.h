// From the C API's options and requests to the C++ API's. Everything is copied.
#pragma once

#include <cstddef>
#include <filesystem>
#include <stop_token>
#include <string>

#include "capi/structs.h"
#include "minerva/engine.h"
#include "minerva/minerva.h"

namespace minerva::capi {

template <>
struct StructTraits<minerva_engine_options> {
  static constexpr const char* name = "minerva_engine_options";
  static constexpr std::size_t first_size = sizeof(minerva_engine_options);
  static minerva_engine_options defaults() noexcept;
};
template <>
struct StructTraits<minerva_model_options> {
  static constexpr const char* name = "minerva_model_options";
  static constexpr std::size_t first_size = sizeof(minerva_model_options);
  static minerva_model_options defaults() noexcept;
};
template <>
struct StructTraits<minerva_sampling_options> {
  static constexpr const char* name = "minerva_sampling_options";
  static constexpr std::size_t first_size = sizeof(minerva_sampling_options);
  static minerva_sampling_options defaults() noexcept;
};
template <>
struct StructTraits<minerva_output_constraint> {
  static constexpr const char* name = "minerva_output_constraint";
  static constexpr std::size_t first_size = sizeof(minerva_output_constraint);
  static minerva_output_constraint defaults() noexcept;
};
template <>
struct StructTraits<minerva_chat_options> {
  static constexpr const char* name = "minerva_chat_options";
  static constexpr std::size_t first_size = sizeof(minerva_chat_options);
  static minerva_chat_options defaults() noexcept;
};
template <>
struct StructTraits<minerva_generation_request> {
  static constexpr const char* name = "minerva_generation_request";
  static constexpr std::size_t first_size = sizeof(minerva_generation_request);
  static minerva_generation_request defaults() noexcept;
};

/// Errors of all of these: InvalidRequest for a struct that was not set up, a NULL where there must be a
/// value, and a number that names nothing. NULL instead of a struct: the defaults.
Result<EngineOptions> to_engine_options(const minerva_engine_options* options);
/// `on_progress` and `cancel` are not part of it.
Result<ModelOptions> to_model_options(const minerva_model_options& from);
Result<SamplingOptions> to_sampling_options(const minerva_sampling_options* options);
Result<OutputConstraint> to_output_constraint(const minerva_output_constraint* constraint);
Result<ChatOptions> to_chat_options(const minerva_chat_options* options);
Result<GenerationRequest> to_generation_request(const minerva_generation_request& request);

Result<std::filesystem::path> to_path(const char* path);
/// `size` bytes, or up to the NUL.
Result<std::string> to_text(const char* text, std::size_t size, const char* name);
std::stop_token to_stop_token(const minerva_cancel_source* source);
/// No farther away than a hundred years, which every clock can count.
std::chrono::milliseconds to_duration(std::int64_t milliseconds) noexcept;

}  // namespace minerva::capi
