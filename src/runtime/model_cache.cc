#include "runtime/model_cache.h"

#include <fmt/format.h>

#include <algorithm>
#include <exception>
#include <system_error>
#include <utility>

#include "base/heap.h"

namespace minerva {
namespace {

using std::chrono::milliseconds;

constexpr auto kFarFuture = std::chrono::hours(24 * 365);
// A caller that may cancel by its progress callback is asked that often.
constexpr auto kProgressEvery = milliseconds(100);
// For a load that is asked for from within a request: were it to wait for that request, it would wait for
// ever.
constexpr auto kNestedWait = std::chrono::seconds(2);

// Requests that are held back look that often whether they still are.
constexpr auto kHeldBackLook = milliseconds(50);

// Leases that live on this thread.
thread_local int leases_of_thread = 0;

std::unexpected<Error> cancelled() {
  return fail(ErrorCode::Cancelled, "waiting for the model was cancelled", "Open the model again.");
}

std::uint64_t granted_bytes(const std::shared_ptr<ResidentModel>& model) {
  if (model == nullptr || model->parts().grant == nullptr) return 0;
  return model->parts().grant->bytes();
}

}  // namespace

struct ModelCache::Entry {
  ModelKey key;
  FileIdentity identity;
  std::shared_ptr<ResidentModel> model;  // null while loading and after it went
  // While it is being loaded.
  bool loading = true;
  Error error;
  float fraction = 0;
  std::size_t waiters = 0;
  std::stop_source stop;
  std::condition_variable_any progressed;
  // Afterwards.
  std::uint32_t leases = 0;
  bool used = false;     // a request has been computed
  bool retired = false;  // out of the map: goes with its last lease
  bool pinned = false;
  milliseconds keep_alive{};
  std::chrono::steady_clock::time_point loaded_at;
  Clock::time_point idle_since;
  std::chrono::system_clock::time_point last_use;

  bool is_idle() const noexcept { return !loading && leases == 0; }
};

ModelCache::Lease::Lease(ModelCache& cache, std::shared_ptr<Entry> entry, LeasePurpose purpose)
    : cache_(&cache), entry_(std::move(entry)), model_(entry_->model.get()), purpose_(purpose) {
  ++leases_of_thread;
}

ModelCache::Lease::Lease(Lease&& other) noexcept
    : cache_(std::exchange(other.cache_, nullptr)),
      entry_(std::move(other.entry_)),
      model_(other.model_),
      purpose_(other.purpose_) {}

ModelCache::Lease::~Lease() {
  if (cache_ == nullptr) return;
  --leases_of_thread;
  cache_->end_lease(entry_, purpose_);
}

ModelCache::ModelCache(CacheSettings settings, std::shared_ptr<MemoryLedger> ledger)
    : settings_(std::move(settings)), ledger_(std::move(ledger)) {
  ledger_->set_reclaimer(this);
  if (settings_.watches_clock)
    clock_ = std::jthread([this](const std::stop_token& stop) { watch_clock(stop); });
}

ModelCache::~ModelCache() {
  clock_ = {};  // stops and joins it
  ledger_->set_reclaimer(nullptr);
  std::map<std::thread::id, std::thread> loads;
  std::map<ModelKey, EntryPtr> entries;
  std::vector<EntryPtr> draining;
  {
    const Lock lock(mutex_);
    for (const auto& [key, entry] : entries_) entry->stop.request_stop();
    for (const EntryPtr& entry : draining_) entry->stop.request_stop();
    loads.swap(loads_);
    entries.swap(entries_);
    draining.swap(draining_);
  }
  ledger_->notify();
  for (auto& [id, thread] : loads) thread.join();
  // The models go while this object is whole: the thread of one may be asking for memory just now, and so be
  // in `reclaim`, where it finds nothing to free. Its model waits for it.
  entries.clear();
  draining.clear();
}

Result<ModelCache::Lease> ModelCache::acquire(const Want& want, const Wait& wait) {
  join_finished_loads();
  const auto deadline = std::min(wait.deadline, Clock::now() + kFarFuture);
  Lock lock(mutex_);
  while (true) {
    const auto found = entries_.find(want.key);
    EntryPtr entry = found == entries_.end() ? nullptr : found->second;
    bool pinned = false;
    std::optional<milliseconds> keep_alive = want.keep_alive;
    if (entry != nullptr && entry->identity != want.identity) {
      if (!want.replaces) {
        return model_loading(fmt::format("'{}' has changed since the model was opened",
                                         first_difference(want.identity, entry->identity).string()),
                             "Open the model again.");
      }
      pinned = entry->pinned;
      keep_alive = entry->keep_alive;
      auto old = retire(entry);
      lock.unlock();
      dispose(std::move(old));
      lock.lock();
      entry = entries_.contains(want.key) ? entries_[want.key] : nullptr;
    }
    if (entry == nullptr) {
      entry = start_load(want);
      entry->pinned = pinned;
      entry->keep_alive = keep_alive.value_or(settings_.keep_alive);
    }
    if (entry->identity != want.identity) continue;  // another caller was quicker
    if (entry->loading) return join(lock, entry, want, {wait.progress, wait.stop, deadline});
    if (entry->model == nullptr) return std::unexpected(entry->error);  // its thread could not be started
    if (!is_held_back(*entry, want.purpose)) {
      ++entry->leases;
      entry->last_use = std::chrono::system_clock::now();
      return Lease(*this, entry, want.purpose);
    }
    const std::uint64_t seen = events_;
    // Who waited for room may have it by now, without a word to us.
    changed_.wait_until(lock, wait.stop, std::min(deadline, Clock::now() + kHeldBackLook),
                        [&] { return events_ != seen; });
    if (wait.stop.stop_requested() || Clock::now() >= deadline) return cancelled();
  }
}

// Somebody has been waiting for room for a while: models in memory finish what they compute and begin nothing
// new, so that they can make room. A request of a request (a callback that generates) goes on: its model
// would not get free before it.
bool ModelCache::is_held_back(const Entry& entry, LeasePurpose purpose) const {
  if (purpose != LeasePurpose::Generate || entry.pinned || leases_of_thread > 0) return false;
  if (!has_settled(entry)) return false;
  const auto since = ledger_->waiting_since();
  return since && Clock::now() - *since >= settings_.patience;
}

// Else a model that was loaded for many could go before the first of them has used it.
bool ModelCache::has_settled(const Entry& entry) const {
  return Clock::now() - entry.loaded_at >= settings_.settle;
}

ModelCache::EntryPtr ModelCache::start_load(const Want& want) {
  auto entry = std::make_shared<Entry>();
  entry->key = want.key;
  entry->identity = want.identity;
  entry->last_use = std::chrono::system_clock::now();
  try {
    std::thread thread([this, entry, load = want.load] { run_load(entry, load); });
    const auto id = thread.get_id();
    loads_.emplace(id, std::move(thread));
    entries_[want.key] = entry;
  } catch (const std::system_error& error) {
    entry->loading = false;
    entry->error = no_thread(error).error();
  }
  return entry;
}

void ModelCache::run_load(const EntryPtr& entry, const ModelLoad& load) {
  const std::stop_token stop = entry->stop.get_token();
  const LoadProgress progress = [&](float fraction) {
    const Lock lock(mutex_);
    entry->fraction = std::max(entry->fraction, fraction);
    entry->progressed.notify_all();
    return !stop.stop_requested();
  };
  auto loaded = [&]() -> Result<std::shared_ptr<ResidentModel>> {
    try {
      return load(progress, stop);
    } catch (const std::exception&) {  // nobody above could catch it
      return std::unexpected(error_of_exception());
    }
  }();
  std::shared_ptr<ResidentModel> unwanted;
  {
    const Lock lock(mutex_);
    entry->loading = false;
    entry->loaded_at = Clock::now();
    entry->idle_since = settings_.now();
    entry->last_use = std::chrono::system_clock::now();
    const bool failed = !loaded;
    if (!failed) {
      entry->model = std::move(*loaded);
      entry->leases = static_cast<std::uint32_t>(entry->waiters);  // each takes its own
    } else {
      entry->error = std::move(loaded).error();
    }
    if (failed || (entry->retired && entry->leases == 0)) {
      if (entry->model != nullptr) ++dying_;
      unwanted = std::move(entry->model);
      std::erase(draining_, entry);
      const auto found = entries_.find(entry->key);
      if (found != entries_.end() && found->second == entry) entries_.erase(found);
    }
    finished_loads_.push_back(std::this_thread::get_id());
    entry->progressed.notify_all();
    announce();
  }
  dispose(std::move(unwanted));
}

Result<ModelCache::Lease> ModelCache::join(Lock& lock, const EntryPtr& entry, const Want& want,
                                           const Wait& wait) {
  const bool nested = leases_of_thread > 0;
  const auto deadline = nested ? std::min(wait.deadline, Clock::now() + kNestedWait) : wait.deadline;
  ++entry->waiters;
  while (entry->loading) {
    const float fraction = entry->fraction;
    bool goes_on = !wait.stop.stop_requested() && Clock::now() < deadline;
    if (goes_on && wait.progress) {
      lock.unlock();
      goes_on = wait.progress(fraction);
      lock.lock();
    }
    if (!entry->loading) break;
    if (!goes_on) {
      leave(entry);
      if (nested && Clock::now() < wait.deadline && !wait.stop.stop_requested()) {
        return fail(ErrorCode::Busy, "the model cannot be loaded beside the one whose request asks for it",
                    "Raise the memory limit, or ask for it after that request.");
      }
      return cancelled();
    }
    const auto until = wait.progress ? std::min(deadline, Clock::now() + kProgressEvery) : deadline;
    entry->progressed.wait_until(lock, wait.stop, until, [&] {
      return !entry->loading || (wait.progress && entry->fraction != fraction);
    });
  }
  if (entry->model == nullptr) return std::unexpected(entry->error);
  return Lease(*this, entry, want.purpose);
}

// One that waited for a load goes; the last one cancels it, and the next to come begins anew.
void ModelCache::leave(const EntryPtr& entry) {
  if (--entry->waiters > 0) return;
  entry->stop.request_stop();
  retire(entry);  // still loading: nothing to dispose of
  announce();
}

void ModelCache::end_lease(const EntryPtr& entry, LeasePurpose purpose) {
  std::shared_ptr<ResidentModel> gone;
  {
    const Lock lock(mutex_);
    --entry->leases;
    entry->used = entry->used || purpose == LeasePurpose::Generate;
    entry->idle_since = settings_.now();
    entry->last_use = std::chrono::system_clock::now();
    if (entry->leases == 0 && entry->retired) {
      std::erase(draining_, entry);
      gone = std::move(entry->model);
      ++dying_;
    } else if (entry->leases == 0 && entry->used && !entry->pinned && entry->keep_alive.count() == 0) {
      gone = retire(entry);
    }
    announce();
  }
  dispose(std::move(gone));
}

std::shared_ptr<ResidentModel> ModelCache::retire(const EntryPtr& entry) {
  const auto found = entries_.find(entry->key);
  if (found != entries_.end() && found->second == entry) entries_.erase(found);
  if (entry->is_idle()) {
    ++dying_;
    return std::move(entry->model);
  }
  if (!std::exchange(entry->retired, true)) draining_.push_back(entry);
  entry->pinned = false;
  return nullptr;
}

// Destroys a model without the lock: that can take a while. Wakes those who wait for room.
void ModelCache::dispose(std::shared_ptr<ResidentModel> model) {
  if (model != nullptr) {
    model.reset();
    trim_heap();
    const Lock lock(mutex_);
    --dying_;
    announce();
  }
  ledger_->notify();
}

void ModelCache::dispose(std::vector<std::shared_ptr<ResidentModel>> models) {
  for (auto& model : models) dispose(std::move(model));
  if (models.empty()) ledger_->notify();
}

void ModelCache::announce() {
  ++events_;
  changed_.notify_all();
}

std::optional<ModelCache::Clock::time_point> ModelCache::expiry(const Entry& entry) const {
  if (!entry.is_idle() || entry.pinned || entry.keep_alive.count() < 0 || entry.keep_alive > kFarFuture)
    return std::nullopt;
  return entry.idle_since +
         (entry.used ? entry.keep_alive : std::max(entry.keep_alive, settings_.unused_stay));
}

void ModelCache::expire() {
  std::vector<std::shared_ptr<ResidentModel>> gone;
  {
    const Lock lock(mutex_);
    const auto now = settings_.now();
    const auto entries = entries_;
    for (const auto& [key, entry] : entries) {
      const auto when = expiry(*entry);
      if (when && *when <= now) gone.push_back(retire(entry));
    }
  }
  if (!gone.empty()) dispose(std::move(gone));
}

void ModelCache::watch_clock(const std::stop_token& stop) {
  while (!stop.stop_requested()) {
    {
      Lock lock(mutex_);
      auto next = settings_.now() + kFarFuture;
      for (const auto& [key, entry] : entries_) next = std::min(next, expiry(*entry).value_or(next));
      const std::uint64_t seen = events_;
      changed_.wait_until(lock, stop, next, [&] { return events_ != seen; });
    }
    if (!stop.stop_requested()) expire();
  }
}

ModelCache::Outcome ModelCache::reclaim(std::uint64_t bytes, std::uint64_t granted,
                                        const MemoryGrant* asker) {
  std::vector<std::shared_ptr<ResidentModel>> gone;
  {
    const Lock lock(mutex_);
    if (dying_ > 0) return Outcome::Pending;
    std::vector<EntryPtr> idle;
    std::uint64_t idle_bytes = 0;
    std::uint64_t pinned = 0;
    for (const auto& [key, entry] : entries_) {
      const std::uint64_t held = granted_bytes(entry->model);
      // A model whose last caller has just left asks on the thread that its end would wait for.
      if (held > 0 && entry->model->parts().grant.get() == asker) continue;
      if (entry->pinned) {
        pinned += held;
      } else if (entry->is_idle()) {
        idle.push_back(entry);
        idle_bytes += held;
      }
    }
    const std::uint64_t kept = idle_bytes + pinned;
    const std::uint64_t running = granted > kept ? granted - kept : 0;
    if (idle_bytes < bytes) return bytes - idle_bytes <= running ? Outcome::Busy : Outcome::Nothing;
    std::ranges::sort(idle, {}, [](const EntryPtr& entry) { return entry->idle_since; });
    std::vector<EntryPtr> victims;
    std::uint64_t freed = 0;
    for (const EntryPtr& entry : idle) {
      if (freed >= bytes) break;
      if (!entry->used && !has_settled(*entry)) return Outcome::Busy;
      freed += granted_bytes(entry->model);
      victims.push_back(entry);
    }
    for (const EntryPtr& entry : victims) gone.push_back(retire(entry));
  }
  dispose(std::move(gone));
  return Outcome::Freed;
}

std::uint64_t ModelCache::pinned_bytes() const {
  const Lock lock(mutex_);
  std::uint64_t bytes = 0;
  for (const auto& [key, entry] : entries_) {
    if (entry->pinned) bytes += granted_bytes(entry->model);
  }
  return bytes;
}

std::optional<FileIdentity> ModelCache::find(const ModelKey& key) const {
  const Lock lock(mutex_);
  const auto found = entries_.find(key);
  if (found == entries_.end()) return std::nullopt;
  return found->second->identity;
}

std::vector<ResidentModelInfo> ModelCache::list() const {
  const Lock lock(mutex_);
  std::vector<EntryPtr> all = draining_;
  for (const auto& [key, entry] : entries_) all.push_back(entry);
  std::vector<ResidentModelInfo> infos;
  for (const EntryPtr& entry : all) {
    ResidentModelInfo info{.path = entry->key.path,
                           .pinned = entry->pinned,
                           .loading = entry->loading,
                           .last_use = entry->last_use};
    if (const ResidentModel* model = entry->model.get()) {
      info.path = model->parts().description.path;
      info.backend = model->parts().backend->name();
      info.backend_reason = model->parts().backend_reason;
      info.weights_bytes = model->parts().model->info().weights_bytes;
      info.context_bytes = model->context_bytes();
      info.active_requests = model->active_requests();
      info.waiting_requests = model->waiting_requests();
    }
    if (const auto when = expiry(*entry)) {
      using std::chrono::system_clock;
      info.expires =
          system_clock::now() + std::chrono::duration_cast<system_clock::duration>(*when - settings_.now());
    }
    infos.push_back(std::move(info));
  }
  std::ranges::sort(infos, std::ranges::greater{}, &ResidentModelInfo::last_use);
  return infos;
}

std::vector<ModelCache::EntryPtr> ModelCache::at(const std::filesystem::path& path) const {
  std::vector<EntryPtr> found;
  for (const auto& [key, entry] : entries_) {
    if (key.path == path) found.push_back(entry);
  }
  return found;
}

bool ModelCache::unload(const std::filesystem::path& path) {
  std::vector<std::shared_ptr<ResidentModel>> gone;
  std::size_t count = 0;
  {
    const Lock lock(mutex_);
    for (const EntryPtr& entry : at(path)) {
      gone.push_back(retire(entry));
      ++count;
    }
    announce();
  }
  dispose(std::move(gone));
  return count > 0;
}

bool ModelCache::pin(const std::filesystem::path& path, bool pinned) {
  bool found = false;
  {
    const Lock lock(mutex_);
    for (const EntryPtr& entry : at(path)) {
      entry->pinned = pinned;
      found = true;
    }
    announce();
  }
  ledger_->notify();
  return found;
}

bool ModelCache::keep_alive(const std::filesystem::path& path, milliseconds duration) {
  std::vector<std::shared_ptr<ResidentModel>> gone;
  bool found = false;
  {
    const Lock lock(mutex_);
    for (const EntryPtr& entry : at(path)) {
      found = true;
      entry->keep_alive = duration;
      entry->idle_since = settings_.now();
      entry->used = true;  // from now on it stays as long as it is told to
      if (duration.count() == 0 && entry->is_idle() && !entry->pinned) gone.push_back(retire(entry));
    }
    announce();
  }
  dispose(std::move(gone));
  return found;
}

void ModelCache::join_finished_loads() {
  std::vector<std::thread> finished;
  {
    const Lock lock(mutex_);
    for (const auto id : finished_loads_) {
      const auto found = loads_.find(id);
      if (found == loads_.end()) continue;
      finished.push_back(std::move(found->second));
      loads_.erase(found);
    }
    finished_loads_.clear();
  }
  for (std::thread& thread : finished) thread.join();
}

}  // namespace minerva
