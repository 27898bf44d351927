// Interprets the subset of pickle that torch.save writes for a state dictionary. Nothing is ever called or
// imported; what is not on the list is refused.
#pragma once

#include <cstddef>
#include <span>
#include <string>

#include "base/error.h"
#include "formats/torch_bin/pickle_value.h"

namespace minerva::torch_bin {

/// The value a pickle makes. Views point into the bytes it was read from.
struct Pickled {
  Heap heap;
  Value root;
};

/// Runs `pickle` (protocol 2 to 5). `file` is what messages call it. Time and memory are bounded by the
/// limits::kPickle... and linear in its size; there is no recursion. Errors: ModelLoading naming the refused
/// Python name or instruction, or what is wrong with a tensor's arguments.
Result<Pickled> run_pickle(std::span<const std::byte> pickle, const std::string& file);

/// The same for the pickle that `bytes` begin with; what follows it is nobody's business here. `used` becomes
/// its length.
Result<Pickled> run_first_pickle(std::span<const std::byte> bytes, const std::string& file,
                                 std::size_t& used);

}  // namespace minerva::torch_bin
