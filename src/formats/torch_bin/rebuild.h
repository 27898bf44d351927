// Makes storages and tensors of the arguments that a pickle gives, after checking every one of them.
#pragma once

#include <span>

#include "base/error.h"
#include "formats/torch_bin/pickle_value.h"

namespace minerva::torch_bin {

/// The storage that a persistent id names: ('storage', type, key, location, element count). On success the
/// storage is on the heap. Errors (without the file's name: the caller adds it) are plain text.
std::expected<Value, std::string> make_storage(Heap& heap, const Value& id);

/// What calling `global` with `arguments` (the elements of the tuple) would give.
std::expected<Value, std::string> reduce(Heap& heap, const Global& global, std::span<const Value> arguments);

}  // namespace minerva::torch_bin
