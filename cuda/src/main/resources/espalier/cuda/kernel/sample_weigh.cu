// What comes before a token is chosen: tokens of a seat that begins anew are counted, then a block looks at each chunk of the logits.
#include "sample.cuh"
#define CHUNK_THREADS 256

// ---- counts of a seat that begins anew; grid rows ----
extern "C" __global__ void __launch_bounds__(CHUNK_THREADS) sample_history(const int *slab, uint16_t *counts, int counts_stride, int vocab) {
  pdl_launch_next();
  pdl_wait_previous();
  const Row *row = (const Row *)slab + blockIdx.x;
  if (row->history < 0) return;
  counts += (size_t)row->seat * counts_stride;
  for (int i = threadIdx.x; i < counts_stride / 2; i += blockDim.x) ((uint32_t *)counts)[i] = 0;
  __syncthreads();
  for (int i = threadIdx.x; i < row->history_count; i += blockDim.x) {
    const int id = slab[row->history + i];
    if (id < vocab) count(counts, id, i >= row->history_output);
  }
}

// ---- grid (chunks, rows) ----
extern "C" __global__ void __launch_bounds__(CHUNK_THREADS)
    sample_max(const float *logits, int ld, int vocab, const int *slab, const uint16_t *counts, int counts_stride, Partial *partials, int wide) {
  __shared__ uint32_t listed[CHUNK / 32];
  __shared__ float xs[32];
  __shared__ int ids[32];
  pdl_launch_next();
  pdl_wait_previous();
  const Row *row = (const Row *)slab + blockIdx.y;
  const int first = blockIdx.x * CHUNK;
  logits += (size_t)blockIdx.y * ld;
  float4 v[CHUNK / CHUNK_THREADS / 4]; // on their way before the row's orders are read
#pragma unroll
  for (int i = 0; i < CHUNK / CHUNK_THREADS / 4; i++) v[i] = four(logits, first + (i * CHUNK_THREADS + threadIdx.x) * 4, vocab, wide);
  float greatest = NEG_INF, raw = NEG_INF;
  int id = -1;
  if (!(row->flags & PENALTIES) && row->mask < 0 && row->barred_count + row->bias_count == 0) { // raw logits are what is chosen from
#pragma unroll
    for (int i = 0; i < CHUNK / CHUNK_THREADS / 4; i++)
#pragma unroll
      for (int j = 0; j < 4; j++)
        if (element(v[i], j) > greatest) greatest = element(v[i], j), id = first + (i * CHUNK_THREADS + threadIdx.x) * 4 + j;
    best_of_block(greatest, id, xs, ids);
    if (threadIdx.x == 0) partials[(size_t)blockIdx.y * gridDim.x + blockIdx.x] = {greatest, id, greatest, 0};
    return;
  }
  mark(listed, row, slab, first, CHUNK);
  const Values values{row, slab, counts + (size_t)row->seat * counts_stride, listed, first};
#pragma unroll
  for (int i = 0; i < CHUNK / CHUNK_THREADS / 4; i++)
#pragma unroll
    for (int j = 0; j < 4; j++) {
      const int at = first + (i * CHUNK_THREADS + threadIdx.x) * 4 + j;
      if (at >= vocab) continue;
      raw = fmaxf(raw, element(v[i], j));
      const float x = values.of(at, element(v[i], j));
      if (x > greatest) greatest = x, id = at;
    }
  best_of_block(greatest, id, xs, ids);
  raw = warp_max(raw);
  if (threadIdx.x % 32 == 0) xs[threadIdx.x / 32] = raw;
  __syncthreads();
  if (threadIdx.x < 32) {
    raw = warp_max(threadIdx.x < CHUNK_THREADS / 32 ? xs[threadIdx.x] : NEG_INF);
    if (threadIdx.x == 0) partials[(size_t)blockIdx.y * gridDim.x + blockIdx.x] = {greatest, id, raw, 0};
  }
}

// sums, raw_sums: [rows, chunks], of the weights that min-p keeps, and of the raw logits' exponentials.
extern "C" __global__ void __launch_bounds__(CHUNK_THREADS)
    sample_weigh(const float *logits, int ld, int vocab, const int *slab, const uint16_t *counts, int counts_stride, const Partial *partials, uint64_t *sums, uint64_t *raw_sums, int wide) {
  __shared__ uint32_t listed[CHUNK / 32];
  __shared__ uint64_t both[2][CHUNK_THREADS / 32];
  pdl_launch_next();
  pdl_wait_previous();
  const Row *row = (const Row *)slab + blockIdx.y;
  const bool draws = !(row->flags & GREEDY), reports = row->logprobs >= 0;
  if (!draws && !reports) return;
  const int first = blockIdx.x * CHUNK;
  logits += (size_t)blockIdx.y * ld;
  float greatest = NEG_INF, raw = NEG_INF;
  for (int i = threadIdx.x % 32; i < gridDim.x; i += 32) {
    const Partial p = partials[(size_t)blockIdx.y * gridDim.x + i];
    greatest = fmaxf(greatest, p.greatest);
    raw = fmaxf(raw, p.raw);
  }
  greatest = warp_max(greatest);
  raw = warp_max(raw);
  mark(listed, row, slab, first, CHUNK);
  const Values values{row, slab, counts + (size_t)row->seat * counts_stride, listed, first};
  uint64_t sum = 0, raw_sum = 0;
  for (int i = 0; i < CHUNK / CHUNK_THREADS / 4; i++) {
    const int id = first + (i * CHUNK_THREADS + threadIdx.x) * 4;
    const float4 v = four(logits, id, vocab, wide);
#pragma unroll
    for (int j = 0; j < 4; j++) {
      if (id + j >= vocab) continue;
      const float x = element(v, j);
      if (draws) {
        const float w = weight(values.of(id + j, x), greatest, row->temperature);
        if (w >= row->min_p || row->flags & CUT) sum += parts(w);
      }
      if (reports) raw_sum += parts(host_exp(__fsub_rn(x, raw)));
    }
  }
  sum = add_lanes(sum);
  raw_sum = add_lanes(raw_sum);
  if (threadIdx.x % 32 == 0) both[0][threadIdx.x / 32] = sum, both[1][threadIdx.x / 32] = raw_sum;
  __syncthreads();
  if (threadIdx.x < 2) {
    uint64_t s = 0;
    for (int i = 0; i < CHUNK_THREADS / 32; i++) s += both[threadIdx.x][i];
    (threadIdx.x == 0 ? sums : raw_sums)[(size_t)blockIdx.y * gridDim.x + blockIdx.x] = s;
  }
}
