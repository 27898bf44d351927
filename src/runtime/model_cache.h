// The models in memory: loaded once for all who want them, kept while there is room and time, evicted least
// recently used first.
#pragma once

#include <chrono>
#include <compare>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <stop_token>
#include <string>
#include <thread>
#include <vector>

#include "base/error.h"
#include "minerva/engine.h"
#include "runtime/file_identity.h"
#include "runtime/memory_ledger.h"
#include "runtime/resident_model.h"

namespace minerva {

/// Which model: where it lies and how it is opened.
struct ModelKey {
  std::filesystem::path path;  ///< canonical
  std::string options;         ///< everything of the options that makes another model of it

  friend auto operator<=>(const ModelKey&, const ModelKey&) = default;
};

/// Makes a model; runs on a thread of the cache. Reserves its memory itself (Parts::grant).
using ModelLoad =
    std::function<Result<std::shared_ptr<ResidentModel>>(const LoadProgress& progress, std::stop_token stop)>;

/// What a lease is for.
enum class LeasePurpose : std::uint8_t {
  Look,      ///< opening, tokenizing: short, and no use of the model
  Generate,  ///< computing: waits its turn behind loads that wait for room
};

struct CacheSettings {
  using Clock = std::chrono::steady_clock;

  std::chrono::milliseconds keep_alive = std::chrono::minutes(5);
  /// How long a load may have been waiting for room before new requests to models in memory wait behind it.
  std::chrono::milliseconds patience = std::chrono::milliseconds(500);
  /// A model that was just loaded serves those who have opened it before it makes room for others: as long as
  /// this, at the most, until its first request has ended.
  std::chrono::milliseconds settle = std::chrono::milliseconds(250);
  /// How long a model that was opened and never used stays at least.
  std::chrono::milliseconds unused_stay = std::chrono::seconds(10);
  /// Tests turn the clock themselves, without the thread that watches it.
  std::function<Clock::time_point()> now = Clock::now;
  bool watches_clock = true;
};

/// Thread-safe. Locks: the cache's before the ledger's.
class ModelCache final : public Reclaimer {
 public:
  using Clock = CacheSettings::Clock;

  ModelCache(CacheSettings settings, std::shared_ptr<MemoryLedger> ledger);
  /// Cancels the loads that run and waits for them. No lease may be left.
  ~ModelCache() override;
  ModelCache(const ModelCache&) = delete;
  ModelCache& operator=(const ModelCache&) = delete;

 private:
  struct Entry;

 public:
  /// While it lives its model stays in memory. Ends on the thread that it began on, before the cache does.
  class Lease {
   public:
    Lease(Lease&& other) noexcept;
    Lease(const Lease&) = delete;
    Lease& operator=(const Lease&) = delete;
    Lease& operator=(Lease&&) = delete;
    ~Lease();
    ResidentModel& model() const noexcept { return *model_; }

   private:
    friend class ModelCache;
    Lease(ModelCache& cache, std::shared_ptr<Entry> entry, LeasePurpose purpose);
    ModelCache* cache_;
    std::shared_ptr<Entry> entry_;
    ResidentModel* model_;
    LeasePurpose purpose_;
  };

  struct Want {
    ModelKey key;
    FileIdentity identity;  ///< the files as the caller knows them
    ModelLoad load;
    LeasePurpose purpose = LeasePurpose::Look;
    /// A model of other files is there: let it end and load anew (true), or refuse (false).
    bool replaces = true;
    std::optional<std::chrono::milliseconds> keep_alive = {};  ///< else the cache's
  };
  struct Wait {
    LoadProgress progress = {};  ///< called on the caller's thread; false cancels
    std::stop_token stop = {};
    Clock::time_point deadline = Clock::time_point::max();
  };
  /// The model, loaded if need be. Callers that want the same one share a load, which goes on until the last
  /// of them leaves. Errors: those of the load (which is tried anew next time); Cancelled, also when
  /// the deadline has passed; ModelLoading when the files are others and `replaces` is false.
  Result<Lease> acquire(const Want& want, const Wait& wait);

  /// The files of the model in memory under `key`.
  std::optional<FileIdentity> find(const ModelKey& key) const;
  /// Last used first.
  std::vector<ResidentModelInfo> list() const;
  /// These take every model at `path`, with whatever options; false when there is none.
  bool unload(const std::filesystem::path& path);
  bool pin(const std::filesystem::path& path, bool pinned);
  bool keep_alive(const std::filesystem::path& path, std::chrono::milliseconds duration);
  /// Unloads what nobody has used for long enough. Called by the clock's thread.
  void expire();

  // Reclaimer
  Outcome reclaim(std::uint64_t bytes, std::uint64_t granted, const MemoryGrant* asker) override;
  std::uint64_t pinned_bytes() const override;

 private:
  using EntryPtr = std::shared_ptr<Entry>;
  using Lock = std::unique_lock<std::mutex>;

  EntryPtr start_load(const Want& want);
  void run_load(const EntryPtr& entry, const ModelLoad& load);
  Result<Lease> join(Lock& lock, const EntryPtr& entry, const Want& want, const Wait& wait);
  void leave(const EntryPtr& entry);
  void end_lease(const EntryPtr& entry, LeasePurpose purpose);
  bool is_held_back(const Entry& entry, LeasePurpose purpose) const;
  bool has_settled(const Entry& entry) const;
  // Takes the entry out of the map; its model goes when the last lease has ended. The caller disposes of what
  // comes back.
  std::shared_ptr<ResidentModel> retire(const EntryPtr& entry);
  void dispose(std::shared_ptr<ResidentModel> model);
  void dispose(std::vector<std::shared_ptr<ResidentModel>> models);
  void announce();
  std::optional<Clock::time_point> expiry(const Entry& entry) const;
  std::vector<EntryPtr> at(const std::filesystem::path& path) const;
  void join_finished_loads();
  void watch_clock(const std::stop_token& stop);

  const CacheSettings settings_;
  const std::shared_ptr<MemoryLedger> ledger_;
  mutable std::mutex mutex_;  // guards what follows, and every entry
  std::condition_variable_any changed_;
  std::map<ModelKey, EntryPtr> entries_;
  std::vector<EntryPtr> draining_;  // out of the map, still used or still loading
  std::size_t dying_ = 0;           // models that are being destroyed just now
  std::uint64_t events_ = 0;        // counts what waiters and the clock must look at
  std::map<std::thread::id, std::thread> loads_;
  std::vector<std::thread::id> finished_loads_;
  std::jthread clock_;  // last: it uses all of the above
};

}  // namespace minerva
