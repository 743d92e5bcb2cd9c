// Makes the list of tiles for prefill attention, once a step for all layers: every sequence with at least least_rows rows is cut into
// tiles of tile_tokens; the tiles with the most blocks of keys come first (of equals, those of the first sequences), so that the blocks of
// the launch end together. One block of 1,024 threads; a tile's place is the number of tiles that stand before it, counted.
#include "tiles.cuh"
#define THREADS 1024
struct Args { Tile *tiles; int *count; Step in; int tile_tokens, block, window, least_rows; };

extern "C" __global__ void __launch_bounds__(THREADS, 1) attention_tiles(const __grid_constant__ Args a) {
  extern __shared__ __align__(16) int smem[]; // costs of the tiles, then the number of each sequence's first one
  __shared__ int sums[THREADS / 32];
  int lane = threadIdx.x % 32, warp = threadIdx.x / 32, n = a.in.sequences;
  int *cost = smem, *first = smem + (a.in.tokens / a.tile_tokens + n + 3 & ~3);
  pdl_wait_previous();
  int all = 0;
  for (int s0 = 0; s0 < n; s0 += THREADS) {
    int s = s0 + threadIdx.x, rows = s < n ? a.in.rows(s) : 0;
    int mine = s < n && rows >= a.least_rows && a.in.context_len[s] >= rows ? (rows + a.tile_tokens - 1) / a.tile_tokens : 0, x = mine;
#pragma unroll
    for (int o = 1; o < 32; o *= 2) { int y = __shfl_up_sync(~0u, x, o); if (lane >= o) x += y; }
    if (lane == 31) sums[warp] = x;
    __syncthreads();
    int before = all;
    for (int i = 0; i < THREADS / 32; i++) { if (i < warp) before += sums[i]; all += sums[i]; }
    if (s < n) first[s] = before + x - mine;
    __syncthreads();
  }
  if (threadIdx.x == 0) *a.count = all;
  auto tile = [&](int i, int &blocks) -> Tile {
    int lo = 0, hi = n;
    while (hi - lo > 1) { int mid = (lo + hi) / 2; if (first[mid] <= i) lo = mid; else hi = mid; }
    int rows = a.in.rows(lo), prefix = a.in.context_len[lo] - rows, at = (i - first[lo]) * a.tile_tokens, pos = prefix + at, m = min(a.tile_tokens, rows - at);
    blocks = (pos + m - 1) / a.block - (a.window > 0 ? max(0, pos - a.window + 1) / a.block : 0);
    return Tile{a.in.first_row[lo] + at, prefix, pos, a.in.seats[lo] << 8 | m};
  };
  for (int i = threadIdx.x; i < (all + 3 & ~3); i += THREADS) {
    int blocks = -1;
    if (i < all) tile(i, blocks);
    cost[i] = blocks;
  }
  __syncthreads();
  for (int i = threadIdx.x; i < all; i += THREADS) {
    int blocks, place = 0;
    Tile t = tile(i, blocks);
    for (int j = 0; j < all; j += 4) {
      int4 c = *(const int4 *)(cost + j);
      place += (c.x > blocks || c.x == blocks && j < i) + (c.y > blocks || c.y == blocks && j + 1 < i) + (c.z > blocks || c.z == blocks && j + 2 < i) + (c.w > blocks || c.w == blocks && j + 3 < i);
    }
    a.tiles[place] = t;
  }
}
