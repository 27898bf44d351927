// A handler for one signal that answers for some of its causes and leaves the others to whoever was there
// before.
#pragma once

#include <signal.h>

namespace minerva {

/// Made once per signal, with static storage: it must outlive the process's last signal.
class SignalChain {
 public:
  using Handler = void (*)(int, siginfo_t*, void*);

  /// Puts `handler` in front of the present one.
  void install(int signal_number, Handler handler);

  /// For `handler` to call where the signal is not for it: the earlier handler runs, or the signal has its
  /// default effect. Async-signal-safe.
  void pass_on(int signal_number, siginfo_t* info, void* context) const noexcept;

 private:
  struct sigaction previous_{};
};

/// Whether the kernel raised the signal for an instruction of this thread (else somebody sent it).
inline bool is_fault(const siginfo_t* info) noexcept {
  return info != nullptr && info->si_code > 0;
}

}  // namespace minerva
