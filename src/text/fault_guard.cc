#include "text/fault_guard.h"

#include <setjmp.h>
#include <signal.h>

#include <cstdint>
#include <mutex>

#include "base/signal_chain.h"

namespace minerva {
namespace {

constexpr std::uintptr_t kNullPageBytes = 64 * 1024;

SignalChain segv_chain;
SignalChain fpe_chain;
thread_local sigjmp_buf* landing = nullptr;  // where this thread goes on; null: not guarded

void on_segv(int signal_number, siginfo_t* info, void* context) {
  const bool is_null = is_fault(info) && reinterpret_cast<std::uintptr_t>(info->si_addr) < kNullPageBytes &&
                       info->si_code == SEGV_MAPERR;
  if (landing != nullptr && is_null) siglongjmp(*landing, static_cast<int>(Fault::NullPointer));
  segv_chain.pass_on(signal_number, info, context);
}

void on_fpe(int signal_number, siginfo_t* info, void* context) {
  if (landing != nullptr && is_fault(info) && info->si_code == FPE_INTDIV)
    siglongjmp(*landing, static_cast<int>(Fault::DivisionByZero));
  fpe_chain.pass_on(signal_number, info, context);
}

class Landing {
 public:
  explicit Landing(sigjmp_buf* buffer) : previous_(landing) { landing = buffer; }
  ~Landing() { landing = previous_; }
  Landing(const Landing&) = delete;
  Landing& operator=(const Landing&) = delete;

 private:
  sigjmp_buf* previous_;
};

}  // namespace

Fault run_guarded(const std::function<void()>& work) {
  static std::once_flag installed;
  std::call_once(installed, [] {
    segv_chain.install(SIGSEGV, on_segv);
    fpe_chain.install(SIGFPE, on_fpe);
  });
  sigjmp_buf buffer;
  const Landing scope(&buffer);
  const int fault = sigsetjmp(buffer, 1);  // 1: the signal is unblocked again
  if (fault != 0) return static_cast<Fault>(fault);
  work();
  return Fault::None;
}

}  // namespace minerva
