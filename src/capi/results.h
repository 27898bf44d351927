// From the C++ API's results to the C API's: each C struct is the base of one that owns what it points to.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "minerva/engine.h"
#include "minerva/minerva.h"

namespace minerva::capi {

struct OwnedText : minerva_text {
  explicit OwnedText(std::string given);
  OwnedText(const OwnedText&) = delete;
  OwnedText& operator=(const OwnedText&) = delete;

 private:
  std::string text_;
};

struct OwnedTokens : minerva_tokens {
  explicit OwnedTokens(std::vector<TokenId> given);
  OwnedTokens(const OwnedTokens&) = delete;
  OwnedTokens& operator=(const OwnedTokens&) = delete;

 private:
  std::vector<TokenId> ids_;
};

struct OwnedDescription : minerva_model_description {
  explicit OwnedDescription(ModelDescription given);
  OwnedDescription(const OwnedDescription&) = delete;
  OwnedDescription& operator=(const OwnedDescription&) = delete;

 private:
  ModelDescription description_;
  std::vector<const char*> weight_files_;
  std::vector<minerva_named_template> templates_;
  void show_sampling();

  minerva_sampling_defaults sampling_ = {};
  std::vector<minerva_sequence_bias> sequence_bias_;
  std::vector<const char*> stop_strings_;
  std::vector<const char*> notes_;
};

struct OwnedModelInfo : minerva_model_info {
  explicit OwnedModelInfo(const LoadedModel& model);
  OwnedModelInfo(const OwnedModelInfo&) = delete;
  OwnedModelInfo& operator=(const OwnedModelInfo&) = delete;

 private:
  OwnedDescription description_;
  std::string backend_;
  std::string backend_reason_;
  std::string numeric_mode_;
  std::vector<Fallback> fallbacks_;
  std::vector<minerva_fallback> views_;
};

struct OwnedResidentModels : minerva_resident_models {
  explicit OwnedResidentModels(std::vector<ResidentModelInfo> given);
  OwnedResidentModels(const OwnedResidentModels&) = delete;
  OwnedResidentModels& operator=(const OwnedResidentModels&) = delete;

 private:
  std::vector<ResidentModelInfo> models_;
  std::vector<minerva_resident_model_info> views_;
  std::vector<const minerva_resident_model_info*> pointers_;
};

struct OwnedBackends : minerva_backends {
  explicit OwnedBackends(std::vector<BackendInfo> given);
  OwnedBackends(const OwnedBackends&) = delete;
  OwnedBackends& operator=(const OwnedBackends&) = delete;

 private:
  std::vector<BackendInfo> backends_;
  std::vector<minerva_backend_info> views_;
};

struct OwnedGeneration : minerva_generation {
  explicit OwnedGeneration(Generation given);
  OwnedGeneration(const OwnedGeneration&) = delete;
  OwnedGeneration& operator=(const OwnedGeneration&) = delete;

 private:
  void show_tokens();
  void show_figures();

  Generation generation_;
  std::vector<minerva_top_logprob> tops_;  // of all tokens, one after the other
  std::vector<minerva_generated_token> tokens_;
  std::vector<const minerva_generated_token*> pointers_;
  std::vector<minerva_constraint_note> notes_;
  minerva_timings timings_ = {};
  minerva_memory_use memory_ = {};
};

}  // namespace minerva::capi
