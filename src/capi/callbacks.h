// A program's functions, called by the engine.
#pragma once

#include <mutex>
#include <string_view>

#include "minerva/error.h"
#include "minerva/generation.h"
#include "minerva/minerva.h"

namespace minerva::capi {

/// Calls the progress function of a program while the program waits in minerva_model_open, and never after: a
/// load that several callers share may go on when one of them is gone. Thread-safe.
class ProgressCall {
 public:
  ProgressCall(minerva_progress_callback function, void* data) : function_(function), data_(data) {}

  /// False once the program said so, or threw (which C cannot).
  bool operator()(float fraction);
  /// After this the program is not called again.
  void close();
  bool threw() const;

 private:
  mutable std::mutex mutex_;
  minerva_progress_callback function_;
  void* data_;
  bool threw_ = false;
};

/// Calls the text function of a program; on the thread that generates only.
class TextCall {
 public:
  TextCall(minerva_text_callback function, void* data) : function_(function), data_(data) {}
  bool operator()(std::string_view text) noexcept;
  bool threw() const noexcept { return threw_; }

 private:
  minerva_text_callback function_;
  void* data_;
  bool threw_ = false;
};

/// The error of a call whose callback threw.
std::unexpected<Error> callback_threw();

}  // namespace minerva::capi
