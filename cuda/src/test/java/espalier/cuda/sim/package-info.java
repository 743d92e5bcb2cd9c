/**
 * A GPU without a GPU: executes the PTX that NVIDIA's compiler makes of our CUDA kernels, with checks that hardware does not
 * give. The real compiler, the real inline assembly, no second version of the source.
 *
 * <p>{@link espalier.cuda.sim.SimulatedDriver} is the device behind the same interface as the real one. A launch runs waves
 * of blocks one after another ({@code Simulator}, {@code Wave}); a wave runs its warps in turn, each until it waits; a warp
 * runs the lanes with the lowest program counter ({@code Lanes}). PTX is decoded once ({@code PtxModule}, {@code PtxParser},
 * {@code Decoder} and those that it hands on to) into instructions that run for 32 lanes at a time ({@code Alu} and its
 * tables, {@code Accesses}, {@code Collectives}, {@code MatrixUnit}, {@code MatrixGroups}). The schedule decides which
 * values a faulty kernel computes; the checks judge by what is ordered before what, so that a fault shows in nearly every
 * schedule:
 *
 * <ul>
 *   <li>bounds: red zones between allocations and around shared arrays; initialisation: a state for each byte ({@code
 *       Memory}, {@code Heap});
 *   <li>races: vector clocks of warps and copy engines, the last accesses of each word, in a warp too ({@code Clock},
 *       {@code Races}); a dependent launch is unordered with those before until griddepcontrol.wait;
 *   <li>missing waits: an asynchronous copy or product poisons its target when it is issued and happens when it is waited
 *       for ({@code CopyGroups}, {@code Transfers}, {@code BulkStores}, {@code MatrixGroups}); the same for the host's
 *       copies ({@code Queues});
 *   <li>missing fences, mbarriers, barriers that diverge, deadlocks ({@code Mbarriers}, {@code Barriers}, {@code
 *       ClusterBarrier}, {@code Wave}).
 * </ul>
 *
 * <p>{@link espalier.cuda.sim.Counters} counts what a profiler would. Not modelled, because only ptxas and the machine have
 * it: scheduling of SASS, weak memory beyond happens-before, occupancy, time, the order of the tensor cores' sums. Refused
 * when a kernel is read: tcgen05, im2col, sparse and fp4 products, indirect calls, and whatever else is not
 * listed.
 */
package espalier.cuda.sim;
