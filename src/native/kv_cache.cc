#include "native/kv_cache.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <limits>

#include "base/checked.h"

namespace minerva::native {
namespace {

// How far a sequence can go back beyond a window: a chat turn that is edited, a few answers tried again.
constexpr std::int64_t kKeptBeyondWindow = 1024;
constexpr std::int64_t kGrowth = 256;  // rows; growing costs a system call, not a copy
constexpr std::uint64_t kBatch = 512;  // rows of a common batch, for estimates

struct SavedHeader {
  std::int64_t length;
  std::int64_t layers;
};

// Floats that a layer keeps whatever the length: a convolution's last inputs, a matrix for each head.
std::int64_t state_floats(const DecoderSpec& spec, const LayerSpec& layer) {
  if (layer.mixer == MixerKind::Attention) return 0;
  const RecurrentSpec& r = spec.recurrent;
  const std::int64_t inputs = std::int64_t{r.taps - 1} * r.channels;
  return layer.mixer == MixerKind::Convolution
             ? inputs
             : inputs + std::int64_t{r.value_heads} * r.key_dim * r.value_dim;
}

}  // namespace

SequenceCache::SequenceCache(const DecoderSpec& spec, ScalarType type)
    : type_(type), kv_heads_(spec.kv_heads), head_dim_(spec.head_dim), value_dim_(spec.value_dim) {
  layers_.resize(spec.layers.size());
  for (std::size_t i = 0; i < layers_.size(); ++i) {
    layers_[i].window = spec.layers[i].window;
    if (const std::int64_t floats = state_floats(spec, spec.layers[i]); floats > 0) {
      layers_[i].state.resize(static_cast<std::size_t>(floats));
      layers_[i].next.resize(static_cast<std::size_t>(floats));
      recurrent_ = true;
      continue;  // no rows
    }
    layers_[i].keys.row_bytes = std::int64_t{kv_heads_} * head_dim_ * scalar_bytes(type);
    layers_[i].values.row_bytes = std::int64_t{kv_heads_} * value_dim_ * scalar_bytes(type);
  }
}

std::uint64_t SequenceCache::fixed_bytes(const DecoderSpec& spec) noexcept {
  std::uint64_t floats = 0;
  for (const LayerSpec& layer : spec.layers)
    floats += 2 * static_cast<std::uint64_t>(state_floats(spec, layer));
  return floats * sizeof(float);
}

std::uint64_t SequenceCache::bytes_needed(const DecoderSpec& spec, ScalarType type, std::uint64_t positions,
                                          std::uint64_t sequences) noexcept {
  constexpr std::uint64_t kTooMany = std::numeric_limits<std::uint64_t>::max() / 4;  // sums don't overflow
  std::uint64_t rows = 0;  // below 2^64: a layer has fewer than 2^32
  for (const LayerSpec& layer : spec.layers) {
    if (layer.mixer != MixerKind::Attention) continue;
    // drop_unseen waits for twice what it keeps; a batch may come on top.
    const std::uint64_t kept = static_cast<std::uint64_t>(layer.window) + kKeptBeyondWindow;
    rows += layer.window == 0 ? positions : std::min(positions, sequences * (2 * kept + kBatch));
  }
  const auto elements =
      checked_multiply<std::uint64_t>(static_cast<std::uint64_t>(spec.kv_heads),
                                      std::uint64_t{static_cast<std::uint32_t>(spec.head_dim)} +
                                          std::uint64_t{static_cast<std::uint32_t>(spec.value_dim)});
  const auto row_bytes = checked_multiply<std::uint64_t>(elements.value_or(kTooMany),
                                                         static_cast<std::uint64_t>(scalar_bytes(type)));
  const auto cached = checked_multiply(rows, row_bytes.value_or(kTooMany));
  const auto states = checked_multiply(fixed_bytes(spec), sequences);
  return std::min(kTooMany, cached.value_or(kTooMany)) + std::min(kTooMany, states.value_or(kTooMany));
}

SequenceCache::StateUpdate SequenceCache::update_state(int layer) noexcept {
  Layer& l = layers_[static_cast<std::size_t>(layer)];
  const float* from = l.updated ? l.next.data() : l.state.data();
  l.updated = true;
  return {from, l.next.data()};
}

void SequenceCache::forget_updates() noexcept {
  for (Layer& layer : layers_) layer.updated = false;
}

void SequenceCache::advance(std::int64_t count) noexcept {
  length_ += count;
  for (Layer& layer : layers_) {
    if (layer.updated) layer.state.swap(layer.next);
    layer.updated = false;
  }
}

void SequenceCache::reset_states() noexcept {
  for (Layer& layer : layers_) std::ranges::fill(layer.state, 0.0F);
}

bool SequenceCache::grow(Buffer& buffer, std::int64_t rows) {
  const std::int64_t wanted = (rows + kGrowth - 1) / kGrowth * kGrowth;
  if (!buffer.memory.grow(static_cast<std::size_t>(wanted * buffer.row_bytes))) return false;
  buffer.rows = std::max(buffer.rows, rows);
  return true;
}

Result<void> SequenceCache::reserve(std::int64_t count) {
  for (Layer& layer : layers_) {
    const std::int64_t rows = length_ - layer.origin + count;
    if (!grow(layer.keys, rows) || !grow(layer.values, rows)) {
      return fail(ErrorCode::OutOfMemory,
                  fmt::format("no memory for the KV cache of {} tokens", length_ + count),
                  "Use a smaller context (-c N), or close other programs.");
    }
  }
  return {};
}

void SequenceCache::store(const kernels::Kernels& kernels, int layer, std::int64_t position, const float* key,
                          const float* value) {
  Layer& l = layers_[static_cast<std::size_t>(layer)];
  const std::int64_t row = position - l.origin;
  kernels.convert(key, std::int64_t{kv_heads_} * head_dim_, type_, l.keys.row(row));
  kernels.convert(value, std::int64_t{kv_heads_} * value_dim_, type_, l.values.row(row));
}

kernels::KvView SequenceCache::view(int layer) const noexcept {
  const Layer& l = layers_[static_cast<std::size_t>(layer)];
  return {.keys = l.keys.memory.data(),
          .values = l.values.memory.data(),
          .type = type_,
          .key_position_stride = std::int64_t{kv_heads_} * head_dim_,
          .key_head_stride = head_dim_,
          .value_position_stride = std::int64_t{kv_heads_} * value_dim_,
          .value_head_stride = value_dim_,
          .origin = l.origin};
}

std::int64_t SequenceCache::reusable_prefix(std::int64_t position) const noexcept {
  const std::int64_t wanted = std::min(position, length_);
  if (recurrent_ && wanted != length_) return 0;
  for (const Layer& layer : layers_) {
    // The next query, at `wanted`, sees back to wanted - window + 1.
    if (layer.origin > 0 && wanted - layer.window + 1 < layer.origin) return 0;
  }
  return wanted;
}

void SequenceCache::truncate(std::int64_t position) noexcept {
  length_ = std::min(length_, position);
  if (length_ == 0) reset_states();
}

void SequenceCache::drop_unseen() {
  for (Layer& layer : layers_) {
    if (layer.window == 0) continue;
    const std::int64_t kept = layer.window + kKeptBeyondWindow;
    const std::int64_t rows = length_ - layer.origin;
    if (rows < 2 * kept) continue;  // moving half at a time keeps the cost per token constant
    const std::int64_t dropped = rows - kept;
    std::memmove(layer.keys.memory.data(), layer.keys.row(dropped),
                 static_cast<std::size_t>(kept * layer.keys.row_bytes));
    std::memmove(layer.values.memory.data(), layer.values.row(dropped),
                 static_cast<std::size_t>(kept * layer.values.row_bytes));
    layer.origin += dropped;
  }
}

void SequenceCache::copy_rows(const Layer& from, Layer& to, std::int64_t rows) const {
  to.origin = from.origin;
  if (rows <= 0 || from.keys.row_bytes == 0) return;
  std::memcpy(to.keys.memory.data(), from.keys.memory.data(),
              static_cast<std::size_t>(rows * from.keys.row_bytes));
  std::memcpy(to.values.memory.data(), from.values.memory.data(),
              static_cast<std::size_t>(rows * from.values.row_bytes));
}

Result<void> SequenceCache::copy_from(const SequenceCache& other, std::int64_t length) {
  clear();
  for (std::size_t i = 0; i < layers_.size(); ++i) layers_[i].origin = other.layers_[i].origin;
  MINERVA_TRY(reserve(length));
  for (std::size_t i = 0; i < layers_.size(); ++i) {
    copy_rows(other.layers_[i], layers_[i], length - other.layers_[i].origin);
    if (length > 0) layers_[i].state = other.layers_[i].state;
  }
  length_ = length;
  return {};
}

void SequenceCache::clear() noexcept {
  length_ = 0;
  reset_states();
  for (Layer& layer : layers_) {
    layer.origin = 0;
    for (Buffer* buffer : {&layer.keys, &layer.values}) {
      buffer->memory.clear();
      buffer->rows = 0;
    }
  }
}

std::uint64_t SequenceCache::bytes() const noexcept {
  std::uint64_t total = 0;
  for (const Layer& layer : layers_) {
    total += static_cast<std::uint64_t>(layer.keys.rows * layer.keys.row_bytes +
                                        layer.values.rows * layer.values.row_bytes) +
             (layer.state.size() + layer.next.size()) * sizeof(float);
  }
  return total;
}

std::vector<std::byte> SequenceCache::save() const {
  std::size_t size = sizeof(SavedHeader);
  for (const Layer& layer : layers_) {
    size += sizeof layer.origin + layer.state.size() * sizeof(float);
    size +=
        static_cast<std::size_t>((length_ - layer.origin) * (layer.keys.row_bytes + layer.values.row_bytes));
  }
  std::vector<std::byte> out(size);
  std::byte* to = out.data();
  const auto append = [&](const void* data, std::int64_t bytes) {
    if (bytes > 0) std::memcpy(to, data, static_cast<std::size_t>(bytes));
    to += bytes;
  };
  const SavedHeader header{length_, static_cast<std::int64_t>(layers_.size())};
  append(&header, sizeof header);
  for (const Layer& layer : layers_) {
    append(&layer.origin, sizeof layer.origin);
    append(layer.keys.memory.data(), (length_ - layer.origin) * layer.keys.row_bytes);
    append(layer.values.memory.data(), (length_ - layer.origin) * layer.values.row_bytes);
    append(layer.state.data(), static_cast<std::int64_t>(layer.state.size() * sizeof(float)));
  }
  return out;
}

Result<void> SequenceCache::load(const std::vector<std::byte>& saved) {
  const auto wrong = [] {
    return invalid_request("the snapshot is not of this model", "Take a new snapshot.");
  };
  std::size_t at = 0;
  const auto take = [&](void* to, std::int64_t bytes) {
    if (bytes < 0 || static_cast<std::size_t>(bytes) > saved.size() - at) return false;
    if (bytes > 0) std::memcpy(to, saved.data() + at, static_cast<std::size_t>(bytes));
    at += static_cast<std::size_t>(bytes);
    return true;
  };
  clear();
  SavedHeader header{};
  if (!take(&header, sizeof header) || header.layers != static_cast<std::int64_t>(layers_.size()))
    return wrong();
  for (Layer& layer : layers_) {
    std::int64_t origin = 0;
    if (!take(&origin, sizeof origin) || origin < 0 || origin > header.length) return wrong();
    const std::int64_t rows = header.length - origin;
    const std::int64_t row_bytes = layer.keys.row_bytes + layer.values.row_bytes;
    if (row_bytes > 0 && rows > static_cast<std::int64_t>(saved.size() - at) / row_bytes) {
      clear();
      return wrong();
    }
    layer.origin = origin;
    if (!grow(layer.keys, rows) || !grow(layer.values, rows)) {
      clear();
      return fail(ErrorCode::OutOfMemory, "no memory for a snapshot", "Close other programs.");
    }
    take(layer.keys.memory.data(), rows * layer.keys.row_bytes);
    take(layer.values.memory.data(), rows * layer.values.row_bytes);
    if (!take(layer.state.data(), static_cast<std::int64_t>(layer.state.size() * sizeof(float)))) {
      clear();
      return wrong();
    }
  }
  length_ = header.length;
  return {};
}

}  // namespace minerva::native
