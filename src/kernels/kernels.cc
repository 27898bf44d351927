#include "kernels/kernels.h"

#include "kernels/state.h"

namespace minerva::kernels {
namespace {

/// Below so many elements, sharing the work costs more than it saves.
constexpr std::int64_t kShareFrom = 16384;

const IsaTable* table_of(Isa isa) {
  switch (isa) {
    case Isa::Avx512:
      return avx512_table();
    case Isa::Avx2:
      return avx2_table();
    case Isa::Scalar:
      break;
  }
  return portable_table();
}

/// fn(row) for all rows, on all threads when there is enough to do.
template <class Fn>
void for_rows(ThreadPool& pool, std::int64_t count, std::int64_t width, Fn fn) {
  if (count * width < kShareFrom) {
    for (std::int64_t i = 0; i < count; ++i) fn(i);
    return;
  }
  pool.parallel_for(count, [&](std::int64_t begin, std::int64_t end, int) {
    for (std::int64_t i = begin; i < end; ++i) fn(i);
  });
}

/// fn(row, begin, end) for stretches of rows: element by element, so a long row may be cut.
template <class Fn>
void for_stretches(ThreadPool& pool, std::int64_t count, std::int64_t width, Fn fn) {
  const std::int64_t pieces = count >= pool.size() || width < kShareFrom ? 1 : pool.size();
  for_rows(pool, count * pieces, width / pieces, [&](std::int64_t i) {
    const std::int64_t piece = i % pieces;
    fn(i / pieces, width * piece / pieces, width * (piece + 1) / pieces);
  });
}

NormRow norm_row(const ConstRows& x, const Rows& y, const NormParameters& p, std::int64_t row) {
  NormRow r;
  r.x = x.row(row);
  r.y = y.row(row);
  r.width = x.width;
  const std::int64_t offset = row % p.weight_rows * x.width;
  if (p.weight != nullptr) r.weight = p.weight + offset;
  if (p.bias != nullptr) r.bias = p.bias + offset;
  r.epsilon = p.epsilon;
  r.plus_one = p.plus_one;
  return r;
}

}  // namespace

Kernels::Kernels(Isa isa, ThreadPool& pool) : isa_(isa), pool_(pool), state_(std::make_unique<State>()) {
  state_->table = table_of(isa);
}

Kernels::~Kernels() = default;

void Kernels::dequantize_row(const WeightMatrix& w, std::int64_t row, float* out) const {
  state_->table->dequantize_row(w, row, out);
}

void Kernels::rms_norm(ConstRows x, Rows y, const NormParameters& parameters) {
  for_rows(pool_, x.count, x.width,
           [&](std::int64_t i) { state_->table->rms_norm(norm_row(x, y, parameters, i)); });
}

void Kernels::layer_norm(ConstRows x, Rows y, const NormParameters& parameters) {
  for_rows(pool_, x.count, x.width,
           [&](std::int64_t i) { state_->table->layer_norm(norm_row(x, y, parameters, i)); });
}

void Kernels::activate(Activation kind, Rows x, const ActivationParameters& parameters) {
  for_stretches(pool_, x.count, x.width, [&](std::int64_t i, std::int64_t begin, std::int64_t end) {
    state_->table->activate(kind, x.row(i) + begin, end - begin, parameters);
  });
}

void Kernels::activate_gated(Activation kind, ConstRows gate, ConstRows up, Rows y,
                             const ActivationParameters& parameters) {
  for_stretches(pool_, y.count, y.width, [&](std::int64_t i, std::int64_t begin, std::int64_t end) {
    state_->table->activate_gated(kind, gate.row(i) + begin, up.row(i) + begin, y.row(i) + begin, end - begin,
                                  parameters);
  });
}

void Kernels::softmax(Rows x, float scale) {
  for_rows(pool_, x.count, x.width,
           [&](std::int64_t i) { state_->table->softmax(x.row(i), x.width, scale); });
}

void Kernels::add(Rows y, ConstRows x, float factor) {
  for_stretches(pool_, y.count, y.width, [&](std::int64_t i, std::int64_t begin, std::int64_t end) {
    state_->table->add(y.row(i) + begin, x.row(i) + begin, end - begin, factor);
  });
}

void Kernels::scale(Rows x, float factor) {
  for_stretches(pool_, x.count, x.width, [&](std::int64_t i, std::int64_t begin, std::int64_t end) {
    state_->table->scale(x.row(i) + begin, end - begin, factor);
  });
}

void Kernels::soft_cap(Rows x, float cap) {
  for_stretches(pool_, x.count, x.width, [&](std::int64_t i, std::int64_t begin, std::int64_t end) {
    state_->table->soft_cap(x.row(i) + begin, end - begin, cap);
  });
}

void Kernels::clamp(Rows x, float limit) {
  for_stretches(pool_, x.count, x.width, [&](std::int64_t i, std::int64_t begin, std::int64_t end) {
    state_->table->clamp(x.row(i) + begin, end - begin, limit);
  });
}

void Kernels::rotate(Rows x, int heads, int head_dim, const RotaryTable& table,
                     const std::int64_t* table_rows) {
  for_rows(pool_, x.count, std::int64_t{heads} * head_dim, [&](std::int64_t i) {
    const std::int64_t offset = table_rows[i] * table.stride;
    state_->table->rotate(x.row(i), heads, head_dim, table, table.cosines + offset, table.sines + offset);
  });
}

void Kernels::convert(const float* x, std::int64_t n, ScalarType type, void* out) const {
  state_->table->convert(x, n, type, out);
}

std::uint64_t Kernels::scratch_bytes() const noexcept {
  return state_->prepared.size() + state_->jobs.size() + state_->partials.size();
}

}  // namespace minerva::kernels
