#include "formats/torch_bin/pickle_machine.h"

#include <fmt/format.h>

#include <cstring>
#include <optional>
#include <unordered_map>
#include <utility>

#include "base/limits.h"
#include "formats/quote.h"
#include "formats/torch_bin/pickle_opcodes.h"
#include "formats/torch_bin/rebuild.h"

namespace minerva::torch_bin {
namespace {

using Kind = Value::Kind;

constexpr const char* kUnsafeRemedy =
    "It may be malicious: do not load it in Python. If you trust its source, save it again as safetensors "
    "(save_pretrained), or take a safetensors or GGUF version of the model.";

class Machine {
 public:
  Machine(std::span<const std::byte> pickle, const std::string& file) : bytes_(pickle), file_(file) {
    heap_.sequences.emplace_back();  // the empty tuple
  }

  Result<Pickled> run() {
    MINERVA_TRY(protocol());
    for (std::size_t count = 0; !stopped_; ++count) {
      if (count == limits::kPickleOpcodeCountMax) {
        return broken(fmt::format("it has more than {} instructions", limits::kPickleOpcodeCountMax));
      }
      opcode_offset_ = position_;
      std::uint8_t code = 0;
      MINERVA_TRY(number(code));
      MINERVA_TRY(step(code));
      if (stack_.size() > limits::kPickleStackDepthMax) {
        return broken(fmt::format("its stack grows beyond {} values", limits::kPickleStackDepthMax));
      }
    }
    if (stack_.size() != 1 || !marks_.empty()) return broken("it ends with more or less than one value");
    return Pickled{std::move(heap_), stack_.back()};
  }
  std::size_t position() const noexcept { return position_; }

 private:
  // ---- errors

  std::unexpected<Error> broken(std::string_view what) const {
    return model_loading(
        fmt::format("'{}': its pickle is damaged at byte {}: {}", file_, opcode_offset_, what),
        kDownloadAgain);
  }
  std::unexpected<Error> refused(std::string_view what) const {
    return model_loading(
        fmt::format("'{}': its pickle {} at byte {}; only tensors are read", file_, what, opcode_offset_),
        kUnsafeRemedy);
  }

  // ---- reading

  template <class T>
  Result<void> number(T& out) {
    if (bytes_.size() - position_ < sizeof(T)) return broken("it ends in the middle");
    std::memcpy(&out, bytes_.data() + position_, sizeof(T));
    position_ += sizeof(T);
    return {};
  }
  Result<std::string_view> text(std::uint64_t size) {
    if (size > bytes_.size() - position_) return broken(fmt::format("a string of {} bytes is cut", size));
    if (size > limits::kPickleStringBytesMax) {
      return broken(
          fmt::format("a string has {} bytes; at most {} are read", size, limits::kPickleStringBytesMax));
    }
    const std::string_view view(reinterpret_cast<const char*>(bytes_.data()) + position_, size);
    position_ += size;
    return view;
  }
  /// Up to a newline, which is stepped over.
  Result<std::string_view> line() {
    const std::string_view rest(reinterpret_cast<const char*>(bytes_.data()) + position_,
                                bytes_.size() - position_);
    const auto end = rest.substr(0, limits::kPickleStringBytesMax).find('\n');
    if (end == std::string_view::npos) return broken("a name does not end");
    position_ += end + 1;
    return rest.substr(0, end);
  }
  template <class Size>
  Result<void> push_string() {
    Size size = 0;
    MINERVA_TRY(number(size));
    MINERVA_ASSIGN(const std::string_view view, text(size));
    if (!is_utf8(view)) return broken("a string is not valid UTF-8");
    heap_.strings.push_back(view);
    push(Kind::String, heap_.strings.size() - 1);
    return {};
  }
  template <class Number>
  Result<void> push_int() {
    Number value = 0;
    MINERVA_TRY(number(value));
    stack_.push_back({Kind::Int, static_cast<std::int64_t>(value)});
    return {};
  }
  Result<void> push_long() {
    std::uint8_t size = 0;
    MINERVA_TRY(number(size));
    MINERVA_ASSIGN(const std::string_view digits, text(size));
    if (size > sizeof(std::int64_t)) return push_other("is an integer beyond 64 bits");
    // Two's complement: the sign bit of the last byte fills the rest.
    std::int64_t value = !digits.empty() && (static_cast<unsigned char>(digits.back()) & 0x80U) != 0 ? -1 : 0;
    std::memcpy(&value, digits.data(), digits.size());
    stack_.push_back({Kind::Int, value});
    return {};
  }

  // ---- stack

  void push(Kind kind, std::size_t index) { stack_.push_back({kind, static_cast<std::int64_t>(index)}); }

  /// How many values lie above the last mark, or on the stack: those an instruction may take.
  std::size_t available() const noexcept { return stack_.size() - (marks_.empty() ? 0 : marks_.back()); }

  Result<Value> pop() {
    if (available() == 0) return broken("an instruction takes more values than there are");
    const Value value = stack_.back();
    stack_.pop_back();
    return value;
  }
  Result<Value*> top(Kind kind) {
    if (available() == 0) return broken("an instruction takes more values than there are");
    if (stack_.back().kind != kind) {
      return broken(fmt::format("{} is used as {}", kind_name(stack_.back().kind), kind_name(kind)));
    }
    return &stack_.back();
  }
  Result<std::vector<Value>> pop_count(std::size_t count) {
    if (available() < count) return broken("an instruction takes more values than there are");
    const auto first = stack_.end() - static_cast<std::ptrdiff_t>(count);
    std::vector<Value> values(first, stack_.end());
    stack_.erase(first, stack_.end());
    return values;
  }
  Result<std::vector<Value>> pop_to_mark() {
    if (marks_.empty()) return broken("a mark is missing");
    auto values = pop_count(available());
    marks_.pop_back();
    return values;
  }
  Result<void> mark() {
    if (marks_.size() == limits::kPickleMarkDepthMax) {
      return broken(fmt::format("it is nested deeper than {} levels", limits::kPickleMarkDepthMax));
    }
    marks_.push_back(stack_.size());
    return {};
  }

  Result<void> push_other(std::string what) {
    heap_.others.push_back(std::move(what));
    push(Kind::Other, heap_.others.size() - 1);
    return {};
  }

  void push_tuple(std::vector<Value> values) {
    heap_.sequences.push_back(std::move(values));
    push(Kind::Tuple, heap_.sequences.size() - 1);
  }
  Result<void> tuple(std::size_t count) {
    MINERVA_ASSIGN(auto values, pop_count(count));
    push_tuple(std::move(values));
    return {};
  }
  Result<void> tuple_from_mark() {
    MINERVA_ASSIGN(auto values, pop_to_mark());
    push_tuple(std::move(values));
    return {};
  }
  Result<void> append(const std::vector<Value>& values) {
    MINERVA_ASSIGN(const Value* list, top(Kind::List));
    auto& items = heap_.sequences[list->index()];
    items.insert(items.end(), values.begin(), values.end());
    return {};
  }
  Result<void> set_items(const std::vector<Value>& values) {
    if (values.size() % 2 != 0) return broken("a dictionary gets a key without a value");
    MINERVA_ASSIGN(const Value* dict, top(Kind::Dict));
    auto& items = heap_.dicts[dict->index()].items;
    for (std::size_t i = 0; i < values.size(); i += 2) items.emplace_back(values[i], values[i + 1]);
    return {};
  }

  // ---- memo

  Result<void> put(std::uint32_t key) {
    if (available() == 0) return broken("an instruction takes more values than there are");
    memo_.insert_or_assign(key, stack_.back());
    return {};
  }
  Result<void> get(std::uint32_t key) {
    const auto found = memo_.find(key);
    if (found == memo_.end()) return broken(fmt::format("it recalls value {}, which it did not store", key));
    stack_.push_back(found->second);
    return {};
  }
  template <class Key>
  Result<void> put_numbered() {
    Key key = 0;
    MINERVA_TRY(number(key));
    return put(key);
  }
  template <class Key>
  Result<void> get_numbered() {
    Key key = 0;
    MINERVA_TRY(number(key));
    return get(key);
  }

  // ---- Python names and what is made with them

  Result<void> push_global(std::string_view module, std::string_view name) {
    const Global* global = find_global(module, name);
    if (global == nullptr) {
      return refused(fmt::format("asks for the Python name {}", quoted(fmt::format("{}.{}", module, name))));
    }
    heap_.globals.push_back(global);
    push(Kind::Global, heap_.globals.size() - 1);
    return {};
  }
  Result<void> global() {
    MINERVA_ASSIGN(const std::string_view module, line());
    MINERVA_ASSIGN(const std::string_view name, line());
    return push_global(module, name);
  }
  Result<void> stack_global() {
    MINERVA_ASSIGN(const Value name, pop());
    MINERVA_ASSIGN(const Value module, pop());
    if (name.kind != Kind::String || module.kind != Kind::String) {
      return refused("makes a Python name of something else than strings");
    }
    return push_global(heap_.strings[module.index()], heap_.strings[name.index()]);
  }
  Result<void> reduce() {
    MINERVA_ASSIGN(const Value arguments, pop());
    MINERVA_ASSIGN(const Value callable, pop());
    if (callable.kind != Kind::Global || arguments.kind != Kind::Tuple) {
      return refused(fmt::format("calls {} with {}", kind_name(callable.kind), kind_name(arguments.kind)));
    }
    // Making values may move the heap's lists, but not what lies in them.
    const std::span<const Value> values = heap_.sequences[arguments.index()];
    auto made = torch_bin::reduce(heap_, *heap_.globals[callable.index()], values);
    if (!made) return broken(made.error());
    stack_.push_back(*made);
    return {};
  }
  Result<void> new_object() {
    MINERVA_ASSIGN(const Value arguments, pop());
    MINERVA_ASSIGN(const Value type, pop());
    if (type.kind != Kind::Global || heap_.globals[type.index()]->tag != Tag::Other ||
        arguments.kind != Kind::Tuple) {
      return refused(
          fmt::format("makes an object of {} with {}", kind_name(type.kind), kind_name(arguments.kind)));
    }
    return push_other(
        fmt::format("is a '{}.{}'", heap_.globals[type.index()]->module, heap_.globals[type.index()]->name));
  }
  Result<void> persistent_id() {
    MINERVA_ASSIGN(const Value id, pop());
    auto storage = make_storage(heap_, id);
    if (!storage) return broken(storage.error());
    stack_.push_back(*storage);
    return {};
  }
  /// Sets attributes. A state dictionary has only `_metadata` (versions of modules), which is not needed; nor
  /// is anything of a value that is not read.
  Result<void> build() {
    MINERVA_ASSIGN(const Value state, pop());
    if (available() == 0) return broken("an instruction takes more values than there are");
    const Value& object = stack_.back();
    if (object.kind == Kind::Other) return {};
    if (object.kind != Kind::Dict || !heap_.dicts[object.index()].ordered || state.kind != Kind::Dict) {
      return refused(
          fmt::format("sets the state of {} to {}", kind_name(object.kind), kind_name(state.kind)));
    }
    return {};
  }

  // ---- instructions

  Result<void> protocol() {
    std::uint8_t code = 0;
    std::uint8_t version = 0;
    MINERVA_TRY(number(code));
    MINERVA_TRY(number(version));
    if (code != static_cast<std::uint8_t>(Opcode::Proto))
      return broken("it does not begin with its protocol number");
    if (version < 2 || version > 5)
      return broken(fmt::format("its protocol is {}; 2 to 5 are read", version));
    return {};
  }
  Result<void> frame() {
    std::uint64_t size = 0;
    MINERVA_TRY(number(size));
    if (size > bytes_.size() - position_) return broken(fmt::format("a frame of {} bytes is cut", size));
    return {};
  }

  Result<void> step(std::uint8_t code) {
    switch (static_cast<Opcode>(code)) {
      case Opcode::Stop:
        stopped_ = true;
        return {};
      case Opcode::Frame:
        return frame();
      case Opcode::Mark:
        return mark();
      case Opcode::Global:
        return global();
      case Opcode::StackGlobal:
        return stack_global();
      case Opcode::Reduce:
        return reduce();
      case Opcode::NewObj:
        return new_object();
      case Opcode::Build:
        return build();
      case Opcode::BinPersId:
        return persistent_id();
      case Opcode::BinPut:
        return put_numbered<std::uint8_t>();
      case Opcode::LongBinPut:
        return put_numbered<std::uint32_t>();
      case Opcode::Memoize:
        return put(static_cast<std::uint32_t>(memo_.size()));
      case Opcode::BinGet:
        return get_numbered<std::uint8_t>();
      case Opcode::LongBinGet:
        return get_numbered<std::uint32_t>();
      default:
        return step_data(static_cast<Opcode>(code));
    }
  }

  Result<void> step_data(Opcode code) {
    switch (code) {
      case Opcode::None:
        stack_.push_back({Kind::None, 0});
        return {};
      case Opcode::NewTrue:
      case Opcode::NewFalse:
        stack_.push_back({Kind::Bool, code == Opcode::NewTrue ? 1 : 0});
        return {};
      case Opcode::BinInt:
        return push_int<std::int32_t>();
      case Opcode::BinInt1:
        return push_int<std::uint8_t>();
      case Opcode::BinInt2:
        return push_int<std::uint16_t>();
      case Opcode::Long1:
        return push_long();
      case Opcode::BinFloat: {
        double ignored = 0;  // no float of a checkpoint is needed
        MINERVA_TRY(number(ignored));
        stack_.push_back({Kind::Float, 0});
        return {};
      }
      case Opcode::BinUnicode:
        return push_string<std::uint32_t>();
      case Opcode::ShortBinUnicode:
      case Opcode::ShortBinString:
        return push_string<std::uint8_t>();
      case Opcode::BinUnicode8:
        return push_string<std::uint64_t>();
      default:
        return step_container(code);
    }
  }

  Result<void> step_container(Opcode code) {
    switch (code) {
      case Opcode::EmptyTuple:
        push(Kind::Tuple, 0);
        return {};
      case Opcode::EmptyList:
        heap_.sequences.emplace_back();
        push(Kind::List, heap_.sequences.size() - 1);
        return {};
      case Opcode::EmptySet:
        return push_other("is a set");
      case Opcode::EmptyDict:
        heap_.dicts.emplace_back();
        push(Kind::Dict, heap_.dicts.size() - 1);
        return {};
      case Opcode::Tuple1:
        return tuple(1);
      case Opcode::Tuple2:
        return tuple(2);
      case Opcode::Tuple3:
        return tuple(3);
      case Opcode::Tuple:
        return tuple_from_mark();
      case Opcode::Append: {
        MINERVA_ASSIGN(const auto values, pop_count(1));
        return append(values);
      }
      case Opcode::Appends: {
        MINERVA_ASSIGN(const auto values, pop_to_mark());
        return append(values);
      }
      case Opcode::SetItem: {
        MINERVA_ASSIGN(const auto values, pop_count(2));
        return set_items(values);
      }
      case Opcode::SetItems: {
        MINERVA_ASSIGN(const auto values, pop_to_mark());
        return set_items(values);
      }
      default:
        return refused(fmt::format("uses the instruction {}", opcode_name(static_cast<std::uint8_t>(code))));
    }
  }

  static std::string quoted(std::string_view name) { return minerva::quoted(name); }

  std::span<const std::byte> bytes_;
  const std::string& file_;
  std::size_t position_ = 0;
  std::size_t opcode_offset_ = 0;
  bool stopped_ = false;
  std::vector<Value> stack_;
  std::vector<std::size_t> marks_;  // sizes of the stack
  std::unordered_map<std::uint32_t, Value> memo_;
  Heap heap_;
};

}  // namespace

Result<Pickled> run_pickle(std::span<const std::byte> pickle, const std::string& file) {
  std::size_t used = 0;
  MINERVA_ASSIGN(Pickled pickled, run_first_pickle(pickle, file, used));
  if (used == pickle.size()) return pickled;
  return model_loading(
      fmt::format("'{}': its pickle is damaged: {} bytes follow its end", file, pickle.size() - used),
      kDownloadAgain);
}

Result<Pickled> run_first_pickle(std::span<const std::byte> bytes, const std::string& file,
                                 std::size_t& used) {
  Machine machine(bytes, file);
  auto pickled = machine.run();
  used = machine.position();
  return pickled;
}

}  // namespace minerva::torch_bin
