package espalier.bench;

import espalier.cpu.jit.Asm;
import espalier.cpu.jit.Code;
import espalier.cpu.jit.Mem;
import espalier.cpu.jit.Op;
import espalier.cpu.jit.Processor;
import espalier.cpu.jit.Processor.Feature;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.concurrent.CountDownLatch;

/**
 * What this machine can do at most, measured: dot products of whole numbers without memory, and reading. Products are
 * told as shares of them, which mean more than figures on a machine that others share.
 *
 * @param operations a second, of all threads: a multiplication and an addition are two
 * @param bytes read a second
 */
record Limits(double operations, double bytes) {
    private static final int TURNS = 400_000;
    private static final int SUMS = 12;
    private static final int READ_BYTES = 256 << 20;

    static Limits measure(int threads) {
        try (Arena arena = Arena.ofShared()) {
            boolean wide = Processor.here().has(Feature.AVX512_VNNI);
            Code.Kernel dots = dots(wide, arena);
            int bits = wide ? 512 : 256;
            double products = (double) TURNS * SUMS * bits / 8 * threads;
            double dotSeconds = seconds(threads, part -> dots.call(0, 0, TURNS, 0, 0, 0));
            MemorySegment memory = arena.allocate(READ_BYTES, 4096);
            memory.fill((byte) 1);
            Code.Kernel reading = reading(wide, arena);
            long each = READ_BYTES / threads / 512 * 512;
            double readSeconds =
                    seconds(threads, part -> reading.call(memory.address() + part * each, 0, each / 512, 0, 0, 0));
            return new Limits(2 * products / dotSeconds, each * (double) threads / readSeconds);
        }
    }

    /** {@code (-, -, turns)}; AVX2 forms a dot product in three instructions. */
    private static Code.Kernel dots(boolean wide, Arena arena) {
        return loop(arena, asm -> {
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
    }

    /** {@code (memory, -, turns of 512 bytes)}. */
    private static Code.Kernel reading(boolean wide, Arena arena) {
        return loop(arena, asm -> {
            for (int at = 0; at < 512; at += wide ? 64 : 32) {
                if (wide) {
                    asm.zmm(Op.VMOVUPS, at / 64, Mem.at(Asm.RDI, at));
                } else {
                    asm.ymm(Op.VMOVUPS, at / 32 % SUMS, Mem.at(Asm.RDI, at));
                }
            }
            asm.add(Asm.RDI, new Asm.Constant(512));
        });
    }

    private static Code.Kernel loop(Arena arena, java.util.function.Consumer<Asm> body) {
        var asm = new Asm();
        int loop = asm.position();
        body.accept(asm);
        asm.sub(Asm.RDX, new Asm.Constant(1));
        asm.jump(Asm.Condition.NOT_EQUAL, loop);
        asm.vzeroupper();
        asm.ret();
        return Code.load(asm.bytes(), arena).at(0);
    }

    /** The best of a few runs, each by all threads at once. */
    private static double seconds(int threads, java.util.function.IntConsumer work) {
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
