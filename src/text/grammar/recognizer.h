// Where in a grammar a text may be, byte by byte: Earley's algorithm, with what it finds kept.
#pragma once

#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>
#include <vector>

#include "text/grammar/network.h"

namespace minerva::grammar {

/// All places in the grammar where a text may be, as a number. Equal numbers: the same may follow.
using ConfigId = std::uint32_t;

/// How much work one call may do, and whether it had to give up.
struct Budget {
  std::int64_t work = 0;
  bool exhausted() const noexcept { return work < 0; }
};

/// Numbers configurations as they are met and remembers where each byte leads, so that a text that looks like
/// what came before costs a look-up a byte. Not thread-safe. The network must outlive it.
///
/// An item says: an occurrence of `rule` that began in the configuration `origin` is in `state`, after
/// `count` rounds of the counted repetition that it is in. The items that the last byte led to make a
/// configuration (its kernel); what follows from them without a byte (its closure) is worked out when it is
/// asked for: rules that begin here, and what goes on after rules that end here.
class Recognizer {
 public:
  struct Item {
    StateId state = 0;
    ConfigId origin = 0;
    std::uint32_t rule = 0;
    std::uint32_t count = 0;
    friend auto operator<=>(const Item&, const Item&) = default;
  };
  /// Nothing can follow, and nothing has ended.
  static constexpr ConfigId kDead = 0;
  /// Origins that are no configurations: the whole text's, and ones of which nothing is known.
  static constexpr ConfigId kOutside = 0xFFFFFFFE;
  static constexpr ConfigId kOpaque = 0xFFFFFF00;  // and those after it
  static constexpr std::uint32_t kOpaqueCount = 16;
  static constexpr bool is_opaque(ConfigId origin) noexcept {
    return origin >= kOpaque && origin < kOpaque + kOpaqueCount;
  }
  /// An occurrence of `rule` from an opaque origin ends here.
  struct Exit {
    ConfigId origin = 0;
    std::uint32_t rule = 0;
    friend auto operator<=>(const Exit&, const Exit&) = default;
  };

  explicit Recognizer(const Network& network);

  /// Before the first byte.
  ConfigId start();
  /// The configuration with this kernel, which it puts in order; kDead without items.
  ConfigId intern(std::vector<Item>& kernel);
  std::span<const Item> kernel(ConfigId config) const;
  /// After one more byte. Meaningless once the budget is exhausted.
  ConfigId step(ConfigId config, std::uint8_t byte, Budget& budget) {
    const std::uint32_t row = configs_[config].row;
    if (row != kNone) {
      const ConfigId next = rows_[row + network_.byte_class[byte]];
      if (next != kNone) return next;
    }
    return find_step(config, byte, budget);
  }
  /// Whether the text may end here. These three work out the closure.
  bool accepts(ConfigId config, Budget& budget);
  /// Whether no byte can follow.
  bool ends(ConfigId config, Budget& budget);
  std::span<const Exit> exits(ConfigId config, Budget& budget);
  /// Adds to `items` where things stand after an occurrence of `rule` from `origin` has ended.
  void resume(ConfigId origin, std::uint32_t rule, Budget& budget, std::vector<Item>& items);

  /// Bytes of memory, roughly.
  std::size_t bytes() const noexcept;
  /// A configuration of another recogniser for the same network.
  ConfigId adopt(const Recognizer& other, ConfigId config);

 private:
  static constexpr std::uint32_t kNone = std::numeric_limits<std::uint32_t>::max();
  static constexpr ConfigId kHere = kNone;  // the origin of what begins in the configuration at hand

  // What `called` was entered from: where its occurrence goes on.
  struct Caller {
    std::uint32_t called = 0;
    Item back;
    friend auto operator<=>(const Caller&, const Caller&) = default;
  };
  struct Range {
    std::uint32_t first = 0;
    std::uint32_t count = 0;
  };
  struct Config {
    Range kernel = {};
    Range scans = {};  // what reads a byte
    Range callers = {};
    Range exits = {};
    std::uint32_t row = kNone;
    bool closed = false;  // the three above are known
    bool accepts = false;
  };

  // Items that were met in one closure; each with a number.
  class ItemTable {
   public:
    void clear();
    /// The number of `item`, and whether it is new; a new one has `number`.
    std::pair<std::uint32_t, bool> insert(const Item& item, std::uint32_t number);
    void set(const Item& item, std::uint32_t number);

   private:
    struct Slot {
      std::uint64_t round = 0;
      Item item;
      std::uint32_t number = 0;
    };
    Slot& slot_of(const Item& item);
    std::vector<Slot> slots_ = std::vector<Slot>(64);
    std::size_t used_ = 0;
    std::uint64_t round_ = 1;
  };

  ConfigId find_step(ConfigId config, std::uint8_t byte, Budget& budget);
  bool close(ConfigId config, Budget& budget);
  void follow(const Item& item);
  void follow_loop(const Item& item);
  void finish(const Item& item);
  void meet(const Item& item);
  std::span<const Caller> callers(ConfigId config, std::uint32_t rule) const;

  const Network& network_;
  std::vector<Config> configs_;
  std::vector<Item> items_;  // kernels and scans
  std::vector<Caller> callers_;
  std::vector<Exit> exits_;
  std::vector<ConfigId> rows_;       // class_count entries a row
  std::vector<ConfigId> by_kernel_;  // open addressing

  // Of the closure at work.
  ItemTable met_;
  std::vector<Item> queue_;
  std::vector<Item> scans_;
  std::vector<Caller> new_callers_;
  std::vector<Exit> new_exits_;
  bool accepts_ = false;
  std::vector<Item> kernel_;
};

}  // namespace minerva::grammar
