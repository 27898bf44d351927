// Drives attention: rows of one sequence gathered into tiles, tiles dealt to the threads, long contexts of
// few tiles cut into chunks.
#include <algorithm>
#include <atomic>
#include <vector>

#include "kernels/state.h"

namespace minerva::kernels {
namespace {

/// Query rows [first, first + count) of one sequence, and the chunks of positions they see.
struct Tile {
  std::int64_t first = 0;
  int count = 0;
  std::int64_t chunk_begin = 0;
  std::int64_t chunk_end = 0;
};

void see(Tile& tile, const AttentionRow& row) {
  if (row.first > row.last) return;
  const std::int64_t begin = row.first / kPositionChunk;
  const std::int64_t end = row.last / kPositionChunk + 1;
  const bool none = tile.chunk_begin == tile.chunk_end;
  tile.chunk_begin = none ? begin : std::min(tile.chunk_begin, begin);
  tile.chunk_end = none ? end : std::max(tile.chunk_end, end);
}

std::vector<Tile> make_tiles(std::span<const AttentionRow> rows, int rows_max) {
  std::vector<Tile> tiles;
  for (std::size_t i = 0; i < rows.size(); ++i) {
    const bool fits = !tiles.empty() && tiles.back().count < rows_max && rows[i].cache == rows[i - 1].cache;
    if (!fits) tiles.push_back({.first = static_cast<std::int64_t>(i)});
    ++tiles.back().count;
    see(tiles.back(), rows[i]);
  }
  return tiles;
}

/// fn(item, thread) for items [0, n), each taken by the next free thread.
template <class Fn>
void deal(ThreadPool& pool, std::int64_t n, Fn fn) {
  std::atomic<std::int64_t> next{0};
  const auto take = [&](int thread) {
    for (;;) {
      const std::int64_t item = next.fetch_add(1, std::memory_order_relaxed);
      if (item >= n) return;
      fn(item, thread);
    }
  };
  if (n <= 1) {
    take(0);
  } else {
    pool.run(take);
  }
}

}  // namespace

void Kernels::attend(const AttentionShape& shape, std::span<const AttentionRow> rows, ConstRows queries,
                     Rows out) {
  const IsaTable& table = *state_->table;
  const int group = shape.heads / shape.kv_heads;
  const int rows_max = std::max(1, kAttendRows / group);
  const auto tiles = make_tiles(rows, rows_max);
  const AttendSizes sizes = table.attend_sizes(shape, rows_max);
  const std::int64_t scratch = sizes.scratch_bytes;
  std::byte* memory = state_->jobs.get(scratch * pool_.size());
  const auto job_of = [&](std::int64_t item, int thread) {
    const Tile& tile = tiles[static_cast<std::size_t>(item / shape.kv_heads)];
    AttendJob job;
    job.shape = &shape;
    job.rows = rows.data() + tile.first;
    job.row_count = tile.count;
    job.kv_head = static_cast<int>(item % shape.kv_heads);
    job.queries = queries.row(tile.first);
    job.query_stride = queries.stride;
    job.out = out.row(tile.first);
    job.out_stride = out.stride;
    job.scratch = memory + scratch * thread;
    return job;
  };

  const std::int64_t items = static_cast<std::int64_t>(tiles.size()) * shape.kv_heads;
  std::int64_t chunks = 0;
  for (const Tile& tile : tiles) chunks = std::max(chunks, tile.chunk_end - tile.chunk_begin);
  constexpr std::int64_t kEnoughItems = 4;  // for each thread: then cutting them gains nothing
  if (chunks <= 1 || pool_.size() == 1 || items >= kEnoughItems * pool_.size()) {
    // Later rows of a prompt see more: the longest first.
    deal(pool_, items, [&](std::int64_t i, int thread) { table.attend(job_of(items - 1 - i, thread)); });
    return;
  }
  const std::int64_t partial = sizes.partial_floats;
  auto* partials =
      static_cast<float*>(static_cast<void*>(state_->partials.get(items * chunks * partial * 4)));
  deal(pool_, items * chunks, [&](std::int64_t i, int thread) {
    const Tile& tile = tiles[static_cast<std::size_t>(i / chunks / shape.kv_heads)];
    const std::int64_t chunk = tile.chunk_begin + i % chunks;
    if (chunk < tile.chunk_end) table.attend_chunk(job_of(i / chunks, thread), chunk, partials + i * partial);
  });
  deal(pool_, items, [&](std::int64_t i, int thread) {
    const Tile& tile = tiles[static_cast<std::size_t>(i / shape.kv_heads)];
    table.attend_merge(job_of(i, thread), partials + i * chunks * partial, tile.chunk_end - tile.chunk_begin,
                       partial);
  });
}

}  // namespace minerva::kernels
