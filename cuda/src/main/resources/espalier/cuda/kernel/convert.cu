// Conversion between number formats: compile with FROM and TO (Bf16, Fp16 or float). Grid (rows, ceil(cols / 8 / 256)), 256 threads.
#include "number.cuh"

// to = from, rounded to nearest even. Equal types keep every bit, also those of integers under the name of float.
extern "C" __global__ void __launch_bounds__(256) convert(const FROM *from, int ldf, TO *to, int ldt, int cols, int wide) {
  pdl_launch_next();
  pdl_wait_previous();
  const int c = (blockIdx.y * blockDim.x + threadIdx.x) * 8;
  if (c >= cols) return;
  Eight v = load8(from + (size_t)blockIdx.x * ldf + c, cols - c, wide);
  store8(to + (size_t)blockIdx.x * ldt + c, v, cols - c, wide);
}
