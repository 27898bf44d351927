// Drives the products: which path a weight takes, activations prepared once, rows of weights dealt to the
// threads.
#include <algorithm>

#include "kernels/state.h"

namespace minerva::kernels {
namespace {

/// How x must be prepared for a weight.
enum class Path : std::uint8_t { Float, Bf16, Int8 };

Path path_of(const WeightMatrix& w, NumericMode mode, const IsaTable& table) {
  if (mode == NumericMode::Exact) return Path::Float;
  switch (w.type) {
    case WeightType::F32:
    case WeightType::F16:
      return Path::Float;
    case WeightType::Fp8:
      if (w.block_cols % kBf16Step != 0 && w.block_cols < w.cols) return Path::Float;
      [[fallthrough]];
    case WeightType::BF16:
    case WeightType::Mxfp8:
      return table.bf16_dot ? Path::Bf16 : Path::Float;
    default:
      break;
  }
  return w.cols % Int8Layout::kBlock == 0 && w.rows >= table.lanes ? Path::Int8 : Path::Float;
}

/// x is gone through again for each group of weight rows: no more of it at a time than a second-level cache
/// keeps.
constexpr std::int64_t kXBytesMax = std::int64_t{768} << 10;
/// A whole number of tiles of every instruction set.
constexpr std::int64_t kXRowsStep = 24;
constexpr std::int64_t kXRowsMin = 48;

std::int64_t x_rows_at_once(std::int64_t cols, Path path) {
  const std::int64_t row_bytes = path == Path::Float  ? cols * 4
                                 : path == Path::Bf16 ? cols * 2
                                                      : cols / Int8Layout::kBlock * Int8Layout::kBytes;
  return std::max(kXRowsMin, kXBytesMax / std::max<std::int64_t>(row_bytes, 1) / kXRowsStep * kXRowsStep);
}

/// Working memory of one job: widened weights; or a weight tile, the sums of a panel and the corrections.
std::int64_t linear_scratch_bytes(std::int64_t cols, std::int64_t x_rows) {
  const std::int64_t widened = kWidenedRows * round_up(cols, 64) * 4;
  const std::int64_t rows = std::min(x_rows, x_rows_at_once(cols, Path::Int8));
  const std::int64_t int8 =
      kWeightTileBytes + rows * kLanesMax * 4 + rows * (cols / Int8Layout::kBlock + 1) * 8;
  return round_up(std::max(widened, int8), 64);
}

/// What the paths of a call need of x.
struct Needs {
  bool floats = false;
  bool bf16 = false;
  bool int8 = false;
};

/// Makes of x what is needed, in one piece of memory.
class Preparation {
 public:
  Preparation(const IsaTable& table, ConstRows x, const Needs& needs) : table_(table), x_(x) {
    prepared_.floats = x.data;
    prepared_.float_stride = x.stride;
    prepared_.bf16_stride = round_up(x.width, kBf16Step);
    if (needs.floats && !is_aligned() && x.count >= kAlignFrom) {
      prepared_.float_stride = round_up(x.width, kLanesMax);
      float_bytes_ = x.count * prepared_.float_stride * 4;
    }
    if (needs.bf16) bf16_bytes_ = round_up(x.count * prepared_.bf16_stride * 2, 64);
    if (needs.int8) int8_bytes_ = x.count * int8_row_bytes();
  }

  std::int64_t bytes() const { return float_bytes_ + bf16_bytes_ + int8_bytes_; }

  void run(std::byte* memory, ThreadPool& pool) {
    if (bytes() == 0) return;
    if (float_bytes_ != 0) prepared_.floats = floats_in(memory);
    if (bf16_bytes_ != 0) prepared_.bf16 = bf16_in(memory);
    if (int8_bytes_ != 0) prepared_.int8 = int8_in(memory);
    const std::int64_t tiles = (x_.count + table_.int8_tile - 1) / table_.int8_tile;
    const auto convert = [&](std::int64_t begin, std::int64_t end, int) {
      for (std::int64_t tile = begin; tile < end; ++tile) convert_tile(memory, tile);
    };
    constexpr std::int64_t kShareFrom = 16384;  // elements; below, waking the others costs more
    if (x_.count * x_.width < kShareFrom) {
      convert(0, tiles, 0);
    } else {
      pool.parallel_for(tiles, convert);
    }
  }

  const PreparedRows& rows() const { return prepared_; }

 private:
  // Rows that begin in the middle of a cache line cost two loads for each vector: copied when used so often.
  static constexpr std::int64_t kAlignFrom = 12;
  bool is_aligned() const {
    constexpr std::uintptr_t kLine = 64;
    return reinterpret_cast<std::uintptr_t>(x_.data) % kLine == 0 && x_.stride % kLanesMax == 0;
  }

  float* floats_in(std::byte* memory) const { return static_cast<float*>(static_cast<void*>(memory)); }
  std::uint16_t* bf16_in(std::byte* memory) const {
    return static_cast<std::uint16_t*>(static_cast<void*>(memory + float_bytes_));
  }
  std::byte* int8_in(std::byte* memory) const { return memory + float_bytes_ + bf16_bytes_; }

  std::int64_t int8_row_bytes() const { return x_.width / Int8Layout::kBlock * Int8Layout::kBytes; }

  void convert_tile(std::byte* memory, std::int64_t tile) const {
    const std::int64_t first = tile * table_.int8_tile;
    const std::int64_t count = std::min<std::int64_t>(table_.int8_tile, x_.count - first);
    for (std::int64_t i = first; i < first + count; ++i) {
      if (float_bytes_ != 0) {
        float* row = floats_in(memory) + i * prepared_.float_stride;
        std::fill(std::copy_n(x_.row(i), x_.width, row), row + prepared_.float_stride, 0.0F);
      }
      if (bf16_bytes_ != 0)
        table_.prepare_bf16(x_.row(i), x_.width, bf16_in(memory) + i * prepared_.bf16_stride);
    }
    if (int8_bytes_ != 0) {
      table_.prepare_int8(x_.row(first), x_.stride, static_cast<int>(count), x_.width,
                          int8_in(memory) + first * int8_row_bytes());
    }
  }

  const IsaTable& table_;
  ConstRows x_;
  PreparedRows prepared_;
  std::int64_t float_bytes_ = 0;
  std::int64_t bf16_bytes_ = 0;
  std::int64_t int8_bytes_ = 0;
};

/// The part of one output's weight rows that falls to a thread, in groups of kLanesMax rows counted over all
/// outputs together.
struct Share {
  std::int64_t begin = 0;
  std::int64_t end = 0;
};

std::int64_t groups_of(const WeightMatrix& w) {
  return (w.rows + kLanesMax - 1) / kLanesMax;
}

Share share_of(const WeightMatrix& w, std::int64_t first_group, std::int64_t begin, std::int64_t end) {
  const std::int64_t from = std::clamp<std::int64_t>(begin - first_group, 0, groups_of(w));
  const std::int64_t to = std::clamp<std::int64_t>(end - first_group, 0, groups_of(w));
  return {from * kLanesMax, std::min(to * kLanesMax, w.rows)};
}

void run_share(const IsaTable& table, Path path, LinearJob job, std::int64_t x_rows) {
  const std::int64_t step = x_rows_at_once(job.weight->cols, path);
  for (std::int64_t begin = 0; begin < x_rows; begin += step) {
    job.x_begin = begin;
    job.x_end = std::min(begin + step, x_rows);
    switch (path) {
      case Path::Float:
        table.linear_float(job);
        break;
      case Path::Bf16:
        table.linear_bf16(job);
        break;
      case Path::Int8:
        table.linear_int8(job);
        break;
    }
  }
}

}  // namespace

void Kernels::linear(std::span<const LinearOutput> outputs, ConstRows x, NumericMode mode) {
  const IsaTable& table = *state_->table;
  Needs needs;
  std::int64_t groups = 0;
  for (const auto& output : outputs) {
    const Path path = path_of(*output.weight, mode, table);
    needs.floats |= path == Path::Float;
    needs.bf16 |= path == Path::Bf16;
    needs.int8 |= path == Path::Int8;
    groups += groups_of(*output.weight);
  }
  if (x.count == 0) return;
  Preparation preparation(table, x, needs);
  preparation.run(state_->prepared.get(preparation.bytes()), pool_);

  const std::int64_t scratch = linear_scratch_bytes(x.width, x.count);
  std::byte* memory = state_->jobs.get(scratch * pool_.size());
  pool_.parallel_for(groups, [&](std::int64_t begin, std::int64_t end, int thread) {
    std::int64_t first_group = 0;
    for (const auto& output : outputs) {
      const Share share = share_of(*output.weight, first_group, begin, end);
      first_group += groups_of(*output.weight);
      if (share.begin >= share.end) continue;
      LinearJob job;
      job.weight = output.weight;
      job.x = preparation.rows();
      job.y = output.y.data;
      job.y_stride = output.y.stride;
      job.bias = output.bias;
      job.row_begin = share.begin;
      job.row_end = share.end;
      job.scratch = memory + scratch * thread;
      run_share(table, path_of(*output.weight, mode, table), job, x.count);
    }
  });
}

}  // namespace minerva::kernels
