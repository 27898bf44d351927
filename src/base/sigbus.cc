#include "base/sigbus.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <mutex>

#include "base/signal_chain.h"

namespace minerva::sigbus {
namespace {

// The table: blocks in a list that only grows, so that the handler may walk it at any moment.
constexpr std::size_t kSlotsInBlock = 64;
struct Block {
  std::array<Slot, kSlotsInBlock> slots;
  std::atomic<Block*> next = nullptr;
};
Block first_block;
std::mutex table_mutex;  // never taken by the handler

SignalChain chain;

// Reads /proc/self/maps line by line, without memory of its own: "begin-end perms offset major:minor inode
// …".
class MapsParser {
 public:
  // True when a whole line is known up to its inode.
  bool push(char c) noexcept {
    if (c == '\n') {
      const bool complete = field_ >= 5;
      if (!complete) finish_field();
      ready_ = field_ >= 5;
      reset_after_line_ = true;
      return ready_;
    }
    if (reset_after_line_) start_line();
    if (field_ >= 5) return false;
    if (c == '-' && field_ == 0) {
      region_.begin = static_cast<std::uintptr_t>(value_);
      value_ = 0;
    } else if (c == ':' && field_ == 3) {
      major_ = value_;
      value_ = 0;
    } else if (c == ' ') {
      if (in_field_) finish_field();
    } else {
      in_field_ = true;
      if (field_ != 1) add_digit(c);
    }
    return false;
  }
  const Region& region() const noexcept { return region_; }

 private:
  void start_line() noexcept {
    field_ = 0;
    value_ = 0;
    in_field_ = false;
    reset_after_line_ = false;
    region_ = {};
  }
  void add_digit(char c) noexcept {
    const std::uint64_t base = field_ == 4 ? 10 : 16;  // the inode alone is decimal
    std::uint64_t digit = 0;
    if (c >= '0' && c <= '9') digit = static_cast<std::uint64_t>(c - '0');
    if (c >= 'a' && c <= 'f') digit = static_cast<std::uint64_t>(c - 'a') + 10;
    value_ = value_ * base + digit;
  }
  void finish_field() noexcept {
    if (!in_field_) return;
    if (field_ == 0) region_.end = static_cast<std::uintptr_t>(value_);
    if (field_ == 3) region_.file.device = major_ << 32U | value_;
    if (field_ == 4) region_.file.inode = value_;
    ++field_;
    value_ = 0;
    in_field_ = false;
  }

  Region region_;
  std::uint64_t value_ = 0;
  std::uint64_t major_ = 0;
  int field_ = 0;
  bool in_field_ = false;
  bool ready_ = false;
  bool reset_after_line_ = false;
};

Slot* find_slot(FileId file) noexcept {
  if (file.inode == 0) return nullptr;
  for (Block* block = &first_block; block != nullptr; block = block->next.load(std::memory_order_acquire)) {
    for (Slot& slot : block->slots) {
      if (slot.inode.load(std::memory_order_acquire) == file.inode &&
          slot.device.load(std::memory_order_relaxed) == file.device)
        return &slot;
    }
  }
  return nullptr;
}

// Several slots may watch one file.
void mark_failed(FileId file) noexcept {
  for (Block* block = &first_block; block != nullptr; block = block->next.load(std::memory_order_acquire)) {
    for (Slot& slot : block->slots) {
      if (slot.inode.load(std::memory_order_acquire) == file.inode &&
          slot.device.load(std::memory_order_relaxed) == file.device)
        slot.failed.store(true, std::memory_order_release);
    }
  }
}

// The region of `address`, asked for again where another thread's mmap changed the list while it was read.
bool find_region_surely(std::uintptr_t address, Region& region) noexcept {
  constexpr int kTries = 3;
  for (int i = 0; i < kTries; ++i) {
    if (find_region(address, region)) return true;
  }
  return false;
}

// Whether the access may be repeated. Zeros from the page of `address` to the end of its region: where one
// page of a truncated file is missing, those after it are too. Read-only private zero pages cost no memory.
bool replace_by_zeros(std::uintptr_t address) noexcept {
  Region region;
  if (!find_region_surely(address, region)) return false;
  // No file: another thread faulted here too and was first. Such memory has no missing pages of its own.
  if (region.file.inode == 0) return true;
  if (find_slot(region.file) == nullptr) return false;
  const auto page = static_cast<std::uintptr_t>(::getpagesize());
  const std::uintptr_t begin = address & ~(page - 1);
  mark_failed(region.file);
  // The system call itself: ThreadSanitizer would take mmap for a write to what other threads read.
  constexpr int kFlags = MAP_PRIVATE | MAP_FIXED | MAP_ANONYMOUS | MAP_NORESERVE;
  return ::syscall(SYS_mmap, begin, region.end - begin, PROT_READ, kFlags, -1, 0) != -1;
}

void handle(int signal_number, siginfo_t* info, void* context) {
  const int saved_errno = errno;
  // BUS_ADRERR: a page that is not there. Failed memory and misaligned accesses are not ours to mend.
  if (!is_fault(info) || info->si_code != BUS_ADRERR ||
      !replace_by_zeros(reinterpret_cast<std::uintptr_t>(info->si_addr)))
    chain.pass_on(signal_number, info, context);
  errno = saved_errno;
}

Slot* take_free_slot() {
  for (Block* block = &first_block;; block = block->next.load(std::memory_order_relaxed)) {
    for (Slot& slot : block->slots) {
      if (!slot.taken.load(std::memory_order_relaxed)) {
        slot.taken.store(true, std::memory_order_relaxed);
        return &slot;
      }
    }
    if (block->next.load(std::memory_order_relaxed) == nullptr)
      block->next.store(new Block, std::memory_order_release);  // never freed: the handler may be in it
  }
}

}  // namespace

bool find_region(std::uintptr_t address, Region& region) noexcept {
  const int descriptor = ::open("/proc/self/maps", O_RDONLY | O_CLOEXEC);
  if (descriptor < 0) return false;
  MapsParser parser;
  std::array<char, 2048> buffer;  // NOLINT(cppcoreguidelines-pro-type-member-init): filled by read
  bool found = false;
  while (!found) {
    const ssize_t count = ::read(descriptor, buffer.data(), buffer.size());
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) break;
    for (ssize_t i = 0; i < count && !found; ++i) {
      if (!parser.push(buffer[static_cast<std::size_t>(i)])) continue;
      const Region& candidate = parser.region();
      if (address >= candidate.begin && address < candidate.end) {
        region = candidate;
        found = true;
      }
    }
  }
  ::close(descriptor);
  return found;
}

Slot* acquire(FileId file) {
  static std::once_flag installed;
  std::call_once(installed, [] { chain.install(SIGBUS, handle); });
  const std::lock_guard lock(table_mutex);
  Slot* const slot = take_free_slot();
  slot->failed.store(false, std::memory_order_relaxed);
  slot->device.store(file.device, std::memory_order_relaxed);
  slot->inode.store(file.inode, std::memory_order_release);
  return slot;
}

void release(Slot* slot) noexcept {
  const std::lock_guard lock(table_mutex);
  slot->inode.store(0, std::memory_order_release);
  slot->taken.store(false, std::memory_order_relaxed);
}

}  // namespace minerva::sigbus
