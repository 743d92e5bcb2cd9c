// What attention is checked against at sizes that the host cannot compute: random data, and a plain f32 attention over the paged cache that
// shares nothing with the kernels. bf16 only.
typedef unsigned int u32; typedef unsigned short u16; typedef long long i64;
__device__ u32 mix(u32 x) { x ^= x >> 16; x *= 0x7feb352du; x ^= x >> 15; x *= 0x846ca68bu; return x ^ x >> 16; }
extern "C" __global__ void fill_normal(u16 *p, i64 n, u32 seed, float deviation) {
#pragma unroll 1
  for (i64 i = (i64)blockIdx.x * blockDim.x + threadIdx.x; i < n; i += (i64)gridDim.x * blockDim.x) {
    u32 h = mix((u32)i ^ mix((u32)(i >> 32) + seed)), g = mix(h + 0x9e3779b9u);
    int sum = 0; // of 8 random bytes: near enough to normal
    for (int k = 0; k < 32; k += 8) sum += (int)(h >> k & 255) + (int)(g >> k & 255);
    u32 b = __float_as_uint(deviation * (1 / 209.0f) * (float)(sum - 1020));
    p[i] = (b + 0x7fff + (b >> 16 & 1)) >> 16;
  }
}
// Copies each token's keys (or values) from its slot to the step's rows: a block a token.
extern "C" __global__ void copy_rows(u16 *rows, const u16 *pool, const int *slots, int stride, int cols) {
#pragma unroll 1
  for (int c = threadIdx.x; c < cols; c += blockDim.x) rows[(i64)blockIdx.x * stride + c] = pool[(i64)slots[blockIdx.x] * cols + c];
}
__device__ float ex2(float x) { float r; asm("ex2.approx.ftz.f32 %0, %1;" : "=f"(r) : "f"(x)); return r; }
__device__ float up(u16 x) { return __uint_as_float((u32)x << 16); }
struct Args {
  float *out; const u16 *q, *k, *v; const int *pages, *rows, *tables, *positions; // a sampled row, its row of the page table, its position
  int stride, pages_stride, page_size, kv, d, window; float scale;
};
// Grid (heads, samples), 128 threads: warp w takes positions w, w + 4, ...; a lane channels lane, lane + 32, ...
extern "C" __global__ void reference(const __grid_constant__ Args a) {
  __shared__ float sm[4], sl[4], so[4][256];
  int h = blockIdx.x, heads = gridDim.x, b = blockIdx.y, w = threadIdx.x / 32, lane = threadIdx.x % 32;
  int last = a.positions[b], first = a.window > 0 ? max(0, last - a.window + 1) : 0;
  const int *table = a.pages + (i64)a.tables[b] * a.pages_stride;
  float acc[8] = {}, m = -1e30f, l = 0;
  for (int t = first + w; t <= last; t += 4) {
    i64 at = (((i64)table[t / a.page_size] * a.page_size + t % a.page_size) * a.kv + h / (heads / a.kv)) * a.d;
    float s = 0;
    for (int c = 0; c < 8; c++) if (c * 32 + lane < a.d) s += up(a.q[(i64)a.rows[b] * a.stride + h * a.d + c * 32 + lane]) * up(a.k[at + c * 32 + lane]);
    for (int o = 16; o; o /= 2) s += __shfl_xor_sync(~0u, s, o);
    s *= a.scale * 1.4426950408889634f;
    float x = fmaxf(m, s), e = ex2(s - x), f = ex2(m - x);
    l = l * f + e; m = x;
    for (int c = 0; c < 8; c++) if (c * 32 + lane < a.d) acc[c] = acc[c] * f + e * up(a.v[at + c * 32 + lane]);
  }
  if (lane == 0) { sm[w] = m; sl[w] = l; }
  for (int c = 0; c < 8; c++) so[w][c * 32 + lane] = acc[c];
  __syncthreads();
  for (int c = threadIdx.x; c < a.d; c += 128) {
    float M = fmaxf(fmaxf(sm[0], sm[1]), fmaxf(sm[2], sm[3])), L = 0, sum = 0;
    for (int i = 0; i < 4; i++) { float e = ex2(sm[i] - M); L += e * sl[i]; sum += e * so[i][c]; }
    a.out[((i64)b * heads + h) * a.d + c] = sum / L;
  }
}
