#include "base/signal_chain.h"

namespace minerva {

void SignalChain::install(int signal_number, Handler handler) {
  struct sigaction action{};
  action.sa_sigaction = handler;
  action.sa_flags = SA_SIGINFO | SA_ONSTACK;
  sigemptyset(&action.sa_mask);
  ::sigaction(signal_number, nullptr, &previous_);  // known before the handler can run
  ::sigaction(signal_number, &action, nullptr);
}

void SignalChain::pass_on(int signal_number, siginfo_t* info, void* context) const noexcept {
  if ((previous_.sa_flags & SA_SIGINFO) != 0 && previous_.sa_sigaction != nullptr) {
    previous_.sa_sigaction(signal_number, info, context);
    return;
  }
  if (previous_.sa_handler != SIG_DFL && previous_.sa_handler != SIG_IGN) {
    previous_.sa_handler(signal_number);
    return;
  }
  // Returning repeats the instruction, which then has the effect it would have had without us. A signal that
  // somebody sent is not repeated, so it is raised again.
  struct sigaction action{};
  action.sa_handler = SIG_DFL;
  ::sigaction(signal_number, &action, nullptr);
  if (!is_fault(info)) ::raise(signal_number);
}

}  // namespace minerva
