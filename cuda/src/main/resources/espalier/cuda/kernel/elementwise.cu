// Ops that touch each number of an activation once: embedding, sums, gates, gathers, filling.
//
// Compile with ACTIVATION and WEIGHT (Bf16, Fp16 or float). Shapes are [rows, cols] with a stride in elements (ld...) between
// rows; `wide` says that all pointers and strides are multiples of 16 bytes. Launch: grid (rows, ceil(cols / 8 / 256)), 256
// threads, a group of eight a thread; resolve_ids and the fills as many threads as there are numbers, or fewer. They let the
// next kernel start at once and wait for the one before ahead of their first access to an activation.
#include "number.cuh"
typedef ACTIVATION A;
typedef WEIGHT W;

// Grid (rows, groups of columns): the first column of a thread.
DEV int first_column() { return (blockIdx.y * blockDim.x + threadIdx.x) * 8; }

// x += delta.
extern "C" __global__ void __launch_bounds__(256) add(A *x, int ldx, const A *delta, int ldd, int cols, int wide) {
  pdl_launch_next();
  pdl_wait_previous();
  const int c = first_column();
  if (c >= cols) return;
  x += (size_t)blockIdx.x * ldx + c;
  Eight v = load8(x, cols - c, wide), d = load8(delta + (size_t)blockIdx.x * ldd + c, cols - c, wide);
#pragma unroll
  for (int j = 0; j < 8; j++) v.v[j] += d.v[j];
  store8(x, v, cols - c, wide);
}

// x[i] += bias for every row.
extern "C" __global__ void __launch_bounds__(256) add_bias(A *x, int ldx, const W *bias, int cols, int wide) {
  pdl_launch_next();
  const int c = first_column();
  Eight d = load8(bias + c, cols - c, wide);
  pdl_wait_previous();
  if (c >= cols) return;
  x += (size_t)blockIdx.x * ldx + c;
  Eight v = load8(x, cols - c, wide);
#pragma unroll
  for (int j = 0; j < 8; j++) v.v[j] += d.v[j];
  store8(x, v, cols - c, wide);
}

DEV float silu(float x) { return __fdividef(x, 1 + __expf(-x)); }
// The approximation by tanh (Hendrycks and Gimpel, 2016): x * sigmoid(2 * sqrt(2 / pi) * (x + 0.044715 x^3)).
DEV float gelu(float x) { return __fdividef(x, 1 + __expf(-1.5957691216f * __fmaf_rn(0.044715f * x * x, x, x))); }

// out = gate(x[.., c]) * x[.., cols + c]; x is [rows, 2 * cols].
template <class GATE> DEV void gated(const A *x, int ldx, A *out, int ldo, int cols, bool wide, GATE gate) {
  pdl_launch_next();
  pdl_wait_previous();
  const int c = first_column();
  if (c >= cols) return;
  x += (size_t)blockIdx.x * ldx + c;
  Eight g = load8(x, cols - c, wide), u = load8(x + cols, cols - c, wide);
#pragma unroll
  for (int j = 0; j < 8; j++) g.v[j] = gate(g.v[j]) * u.v[j];
  store8(out + (size_t)blockIdx.x * ldo + c, g, cols - c, wide);
}

extern "C" __global__ void __launch_bounds__(256) silu_mul(const A *x, int ldx, A *out, int ldo, int cols, int wide) {
  gated(x, ldx, out, ldo, cols, wide, [](float g) { return silu(g); });
}

extern "C" __global__ void __launch_bounds__(256) gelu_mul(const A *x, int ldx, A *out, int ldo, int cols, int wide) {
  gated(x, ldx, out, ldo, cols, wide, [](float g) { return gelu(g); });
}

// out[i] = table[id - first_id], 0 where the table has no such row. A negative id, -1 - seat, stands for last_tokens[seat].
extern "C" __global__ void __launch_bounds__(256)
    embed(const int *ids, const int *last_tokens, const W *table, int table_rows, int ldt, int first_id, A *out, int ldo, int cols, int wide) {
  pdl_launch_next();
  pdl_wait_previous();
  const int c = first_column();
  if (c >= cols) return;
  int id = ids[blockIdx.x];
  if (id < 0) id = last_tokens[-1 - id];
  const int row = id - first_id, n = row >= 0 && row < table_rows ? cols - c : 0;
  Eight v = load8(table + (n > 0 ? (size_t)row * ldt + c : 0), n, wide);
  store8(out + (size_t)blockIdx.x * ldo + c, v, cols - c, wide);
}

// ids[i] = last_tokens[-1 - ids[i]] where ids[i] is negative; in place.
extern "C" __global__ void __launch_bounds__(256) resolve_ids(int *ids, const int *last_tokens, int count) {
  pdl_launch_next();
  pdl_wait_previous();
  const int i = blockIdx.x * blockDim.x + threadIdx.x;
  if (i < count && ids[i] < 0) ids[i] = last_tokens[-1 - ids[i]];
}

// out[i] = x[indices[i]].
extern "C" __global__ void __launch_bounds__(256)
    gather_rows(const A *x, int ldx, const int *indices, A *out, int ldo, int cols, int wide) {
  pdl_launch_next();
  pdl_wait_previous();
  const int c = first_column();
  if (c >= cols) return;
  Eight v = load8(x + (size_t)indices[blockIdx.x] * ldx + c, cols - c, wide);
  store8(out + (size_t)blockIdx.x * ldo + c, v, cols - c, wide);
}

// count 32-bit words of the same bits.
extern "C" __global__ void __launch_bounds__(256) fill(uint32_t *to, uint32_t bits, uint64_t count) {
  pdl_launch_next();
  pdl_wait_previous();
  for (uint64_t i = blockIdx.x * (uint64_t)blockDim.x + threadIdx.x; i < count; i += (uint64_t)gridDim.x * blockDim.x) to[i] = bits;
}

DEV void cut(float f, Bf16 &to) { to.bits = __float_as_uint(f) >> 16; }
DEV void cut(float f, Fp16 &to) { narrow(f, to); }
DEV void cut(float f, float &to) { to = f; }

// Dummy weights, uniform in [-bound, bound): SplitMix64 (Steele, Lea and Flood, 2014) by counter, two numbers a draw; bit for
// bit what DummyCheckpoint makes on the host.
extern "C" __global__ void __launch_bounds__(256) fill_uniform(W *to, uint64_t count, uint64_t seed, float bound) {
  pdl_launch_next();
  pdl_wait_previous();
  const float scale = bound * 4.656612873e-10f; // 2^-31
  for (uint64_t pair = blockIdx.x * (uint64_t)blockDim.x + threadIdx.x; 2 * pair < count; pair += (uint64_t)gridDim.x * blockDim.x) {
    uint64_t z = (seed + pair + 1) * 0x9e3779b97f4a7c15ull;
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9ull;
    z = (z ^ z >> 27) * 0x94d049bb133111ebull;
    z ^= z >> 31;
    cut((float)(int)z * scale, to[2 * pair]);
    if (2 * pair + 1 < count) cut((float)(int)(z >> 32) * scale, to[2 * pair + 1]);
  }
}
