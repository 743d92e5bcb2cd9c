package espalier.bench;

import espalier.cpu.jit.AmxKernels;
import espalier.cpu.jit.Asm;
import espalier.cpu.jit.Code;
import espalier.cpu.jit.Mem;
import espalier.cpu.jit.Op;
import espalier.cpu.jit.Processor;
import espalier.cpu.jit.Processor.Feature;
import espalier.cpu.jit.TileOp;
import espalier.tensor.DeviceProvider.CpuKernels;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.concurrent.CountDownLatch;
import java.util.function.Consumer;
import java.util.function.IntConsumer;

/**
 * What this machine can do at most, measured: arithmetic on registers alone by the instructions of one path, and reading.
 * Kernels are told as shares of them, which mean more than figures on a machine that others share.
 *
 * @param bytePeak multiplications and additions of bytes a second, of all threads: each of both counts
 * @param halfPeak the same of bf16, or of f32 where the path has no instruction for bf16
 * @param bytes read a second
 */
record Limits(double bytePeak, double halfPeak, double bytes) {
    private static final int TURNS = 400_000;
    private static final int SUMS = 12;
    private static final int READ_BYTES = 256 << 20;

    /** Products of two tiles of 16 rows of 64 bytes, in a turn of four sums. */
    private static final int TILE_TURN_BYTE_PRODUCTS = 4 * 16 * 16 * 64;

    private static final int TILES = 8;
    private static final int CONFIGURATION_BYTES = 64;

    /** A loop, and how many products a turn has. */
    private record Loop(Code.Kernel kernel, double products) {}

    /**
     * With the instructions that these kernels use; AUTO takes the best that there are.
     *
     * @throws IllegalArgumentException where the processor does not have them
     */
    static Limits measure(int threads, CpuKernels kernels) {
        Processor here = Processor.here();
        try (Arena arena = Arena.ofShared()) {
            boolean wide = here.has(Feature.AVX512_VNNI);
            boolean tiled = AmxKernels.obstacle(here).isEmpty();
            if ((kernels == CpuKernels.AMX && !tiled) || (kernels == CpuKernels.AVX512 && !wide)) {
                throw new IllegalArgumentException("this processor has no " + kernels);
            }
            Loop ofBytes;
            Loop ofHalves;
            if (tiled && (kernels == CpuKernels.AMX || kernels == CpuKernels.AUTO)) {
                ofBytes = tiles(TileOp.TDPBSUD, TILE_TURN_BYTE_PRODUCTS, arena);
                ofHalves = tiles(TileOp.TDPBF16PS, TILE_TURN_BYTE_PRODUCTS / 2.0, arena);
            } else {
                boolean broad = wide && kernels != CpuKernels.AVX2;
                ofBytes = bytes(broad, arena);
                ofHalves = halves(broad && kernels != CpuKernels.VECTOR && here.has(Feature.AVX512_BF16), broad, arena);
            }
            return new Limits(
                    arithmetic(ofBytes, threads, arena),
                    arithmetic(ofHalves, threads, arena),
                    reading(threads, wide, arena));
        }
    }

    private static double arithmetic(Loop loop, int threads, Arena arena) {
        MemorySegment configuration = arena.allocate(CONFIGURATION_BYTES, CONFIGURATION_BYTES);
        configuration.set(ValueLayout.JAVA_BYTE, 0, (byte) 1);
        for (int tile = 0; tile < TILES; tile++) {
            configuration.set(ValueLayout.JAVA_SHORT, 16 + 2L * tile, (short) 64);
            configuration.set(ValueLayout.JAVA_BYTE, 48L + tile, (byte) 16);
        }
        long at = configuration.address();
        double seconds = seconds(threads, part -> loop.kernel.call(at, 0, TURNS, 0, 0, 0));
        return 2 * loop.products * TURNS * threads / seconds;
    }

    private static double reading(int threads, boolean wide, Arena arena) {
        MemorySegment memory = arena.allocate(READ_BYTES, 4096);
        memory.fill((byte) 1);
        Code.Kernel reading = loop(arena, asm -> {
            for (int at = 0; at < 512; at += wide ? 64 : 32) {
                if (wide) {
                    asm.zmm(Op.VMOVUPS, at / 64, Mem.at(Asm.RDI, at));
                } else {
                    asm.ymm(Op.VMOVUPS, at / 32 % SUMS, Mem.at(Asm.RDI, at));
                }
            }
            asm.add(Asm.RDI, new Asm.Constant(512));
        });
        long each = READ_BYTES / threads / 512 * 512;
        double seconds = seconds(threads, part -> reading.call(memory.address() + part * each, 0, each / 512, 0, 0, 0));
        return each * (double) threads / seconds;
    }

    /** {@code (-, -, turns)}; AVX2 forms a dot product in three instructions. */
    private static Loop bytes(boolean wide, Arena arena) {
        Code.Kernel kernel = loop(arena, asm -> {
            for (int sum = 0; sum < SUMS; sum++) {
                if (wide) {
                    asm.zmm(Op.VPDPBUSD, sum, 14, 15);
                } else {
                    asm.ymm(Op.VPMADDUBSW, 13, 14, 15);
                    asm.ymm(Op.VPMADDWD, 13, 13, 15);
                    asm.ymm(Op.VPADDD, sum, sum, 13);
                }
            }
        });
        return new Loop(kernel, SUMS * (wide ? 64 : 32));
    }

    /** {@code (-, -, turns)}; of f32 where there is no instruction for bf16. */
    private static Loop halves(boolean dots, boolean wide, Arena arena) {
        Code.Kernel kernel = loop(arena, asm -> {
            for (int sum = 0; sum < SUMS; sum++) {
                if (dots) {
                    asm.zmm(Op.VDPBF16PS, sum, 14, 15);
                } else if (wide) {
                    asm.zmm(Op.VFMADD231PS, sum, 14, 15);
                } else {
                    asm.ymm(Op.VFMADD231PS, sum, 14, 15);
                }
            }
        });
        return new Loop(kernel, SUMS * (dots ? 32 : wide ? 16 : 8));
    }

    /** {@code (configuration, -, turns)}. */
    private static Loop tiles(TileOp product, double products, Arena arena) {
        var asm = new Asm();
        asm.tile(TileOp.LDTILECFG, 0, Mem.at(Asm.RDI, 0));
        for (int tile = 0; tile < TILES; tile++) {
            asm.tile(TileOp.TILEZERO, tile, 0, 0);
        }
        int loop = asm.position();
        for (int sum = 0; sum < 4; sum++) {
            asm.tile(product, sum, 4 + (sum & 1), 6 + (sum >> 1));
        }
        asm.sub(Asm.RDX, new Asm.Constant(1));
        asm.jump(Asm.Condition.NOT_EQUAL, loop);
        asm.tile(TileOp.TILERELEASE, 0, 0, 0);
        asm.ret();
        return new Loop(Code.load(asm.bytes(), arena).at(0), products);
    }

    private static Code.Kernel loop(Arena arena, Consumer<Asm> body) {
        var asm = new Asm();
        for (int register = 0; register < 16; register++) {
            asm.ymm(Op.VPXORD, register, register, register); // what is denormal would be slow
        }
        int loop = asm.position();
        body.accept(asm);
        asm.sub(Asm.RDX, new Asm.Constant(1));
        asm.jump(Asm.Condition.NOT_EQUAL, loop);
        asm.vzeroupper();
        asm.ret();
        return Code.load(asm.bytes(), arena).at(0);
    }

    /** The best of a few runs, each by all threads at once. */
    private static double seconds(int threads, IntConsumer work) {
        double best = Double.MAX_VALUE;
        for (int run = 0; run < 5; run++) {
            var done = new CountDownLatch(threads);
            long begun = System.nanoTime();
            for (int part = 0; part < threads; part++) {
                int mine = part;
                Thread.ofPlatform().start(() -> {
                    work.accept(mine);
                    done.countDown();
                });
            }
            try {
                done.await();
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
                throw new IllegalStateException("interrupted while measuring", e);
            }
            best = Math.min(best, (System.nanoTime() - begun) / 1e9);
        }
        return best;
    }
}
