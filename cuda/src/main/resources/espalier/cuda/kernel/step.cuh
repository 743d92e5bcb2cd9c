// step.cuh - what a step's batch is, as attention kernels read it: the arrays of espalier.tensor.StepInputs, in device
// memory and read there at every launch, so that a recorded launch can be replayed after they changed.
#pragma once
#include "ptx.cuh"

struct Step {
  const int *first_row;   // [sequences]: the row at which a sequence's tokens begin; they are consecutive
  const int *context_len; // [sequences]: positions of the sequence after this step; 0 or less: an empty place
  const int *seats;       // [sequences]: row of the page table
  const int *pages;       // [seats][pages_stride]
  int sequences, tokens;  // tokens: rows in all
  int pages_stride, page_size, page_shift, unused; // page_size is 1 << page_shift, or page_shift is -1

  DEV int rows(int s) const { return (s + 1 < sequences ? first_row[s + 1] : tokens) - first_row[s]; }
  DEV const int *table(int s) const { return pages + (long long)seats[s] * pages_stride; }
};
// Where a token lies in the cache. Division by a power of two is a shift.
struct Pages {
  int size, shift;
  DEV Pages(const Step &in) : size(in.page_size), shift(in.page_shift) {}
  DEV int page(int position) const { return shift >= 0 ? position >> shift : position / size; }
  DEV int inside(int position) const { return shift >= 0 ? position & size - 1 : position % size; }
  DEV int slot(int page, int inside) const { return page * size + inside; }
};
