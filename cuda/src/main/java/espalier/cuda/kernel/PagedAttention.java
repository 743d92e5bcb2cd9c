package espalier.cuda.kernel;

import espalier.cuda.driver.Arguments;
import espalier.cuda.driver.Driver;
import espalier.cuda.driver.Launch;
import espalier.cuda.driver.Program;
import espalier.cuda.driver.Stream;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Causal attention over the paged cache for steps of any mix: sequences with one row (decode) and with several (prefill,
 * with or without a cached prefix). It chooses the kernels for the device and holds their workspaces; it belongs to one
 * stream.
 *
 * <p>A prefix that several decoding sequences share may be read once for all of them; a row's bits then follow the batch.
 * Otherwise a row's result is the same bit for bit in every batch, and whether its past was computed in this step or is
 * cached.
 *
 * <p>Once a step {@link #plan}, then once a layer {@link #attend}. Both only queue kernels that read the step's arrays on
 * the device, so both may be captured and replayed.
 */
public final class PagedAttention implements AutoCloseable {
    private static final int TILE_BYTES = 16;

    /**
     * Decoding so few sequences leaves most of an H100 idle: a block of {@link HopperDecode} needs some 9 us for the 128
     * tokens of its smallest item, while {@link GenericDecode} spreads them over the heads.
     */
    public static final int FEW_SEQUENCES = 4;

    /** Up to so many positions each; beyond, {@link HopperDecode} reads memory faster. */
    public static final int FEW_POSITIONS = 8192;

    private final Driver driver;
    /** For layers that see all of the past; null where another device or shape leaves all to the other one. */
    private final @Nullable DecodeKernel whole;

    /** For layers with a window; null where there are none and the first one serves. */
    private final @Nullable DecodeKernel generic;

    /** For {@link #FEW_SEQUENCES}; null where one kernel is to serve all. */
    private final @Nullable DecodeKernel few;

    /** Null where no prefix is read for several sequences. */
    private final @Nullable PrefixAttention shared;

    private final Rotation rotation;
    private final PrefillKernel prefill;
    private final Program tilesProgram = Sources.program("attention_tiles.cu", java.util.Map.of());
    private final long tiles;
    private final long tileCount;

    /** What the sequences of a step are; the host knows it when it launches. */
    public enum Mix {
        /** Each has one row. */
        DECODE,
        /** Each has several rows, or one that belongs to its prompt. */
        PREFILL,
        /** Those of one row decode, the others prefill. */
        MIXED
    }

    /**
     * What a step needs beyond its arrays.
     *
     * @param cached sequences that prefill with positions before their first row; 0 takes a faster kernel
     * @param longest no sequence of the step has more positions
     * @param prefixes that sequences of one row share and that are to be read once; layers with a window read them by each
     */
    public record Plan(
            StepArrays step,
            Mix mix,
            int cached,
            int longest,
            @Nullable PrefixArrays prefixes) {
        /** Each sequence is read by itself. */
        public Plan(StepArrays step, Mix mix, int cached, int longest) {
            this(step, mix, cached, longest, null);
        }
    }

    /** Which kernel decodes. */
    public enum Decoding {
        /** The same for all. */
        ONE_KERNEL,
        /** By how many sequences a step has, among those whose bits are the same. */
        ALWAYS_ALIKE,
        /** By how many sequences a step has. */
        FASTEST
    }

    /** Bytes of the device's memory that attention would take for itself, whatever the page size. */
    public static long deviceBytes(Driver driver, AttentionShape shape, AttentionLimits limits, Decoding decoding) {
        var counted = new OwnMemory.Counted();
        var attention = new PagedAttention(driver, counted, shape, limits, HopperPrefill.Keys.of(1), decoding);
        if (attention.shared != null && limits.sequences() >= limits.leastSharing()) {
            attention.shared.take();
        }
        return counted.bytes();
    }

    public PagedAttention(Driver driver, Stream stream, AttentionShape shape, AttentionLimits limits, int pageSize) {
        this(driver, stream, shape, limits, HopperPrefill.Keys.of(pageSize));
    }

    PagedAttention(
            Driver driver, Stream stream, AttentionShape shape, AttentionLimits limits, HopperPrefill.Keys keys) {
        this(driver, new OwnMemory.OfDevice(driver, stream), shape, limits, keys, Decoding.ONE_KERNEL);
    }

    /** Attention whose kernel, and with it the bits of a decoded row, may depend on how many sequences a step has. */
    public static PagedAttention fastest(
            Driver driver, Stream stream, AttentionShape shape, AttentionLimits limits, int pageSize) {
        var memory = new OwnMemory.OfDevice(driver, stream);
        return new PagedAttention(driver, memory, shape, limits, HopperPrefill.Keys.of(pageSize), Decoding.FASTEST);
    }

    /** Attention whose decoded rows have the same bits in every step. */
    public static PagedAttention alike(
            Driver driver, Stream stream, AttentionShape shape, AttentionLimits limits, int pageSize) {
        var memory = new OwnMemory.OfDevice(driver, stream);
        var keys = HopperPrefill.Keys.of(pageSize);
        return new PagedAttention(driver, memory, shape, limits, keys, Decoding.ALWAYS_ALIKE);
    }

    private PagedAttention(
            Driver driver,
            OwnMemory memory,
            AttentionShape shape,
            AttentionLimits limits,
            HopperPrefill.Keys keys,
            Decoding decoding) {
        this.driver = driver;
        boolean fast = HopperDecode.takes(shape, driver.properties());
        whole = fast ? new HopperDecode(driver, memory, shape, limits) : null;
        generic = fast && limits.window() == 0 ? null : new GenericDecode(driver, memory, shape, limits);
        few = !fast
                ? null
                : switch (decoding) {
                    case ONE_KERNEL -> null;
                    case ALWAYS_ALIKE -> HopperDecode.ofFew(driver, memory, shape, few(limits));
                    case FASTEST -> GenericDecode.ofFew(driver, memory, shape, few(limits));
                };
        rotation = new Rotation(driver, shape);
        shared = limits.leastSharing() > 0 ? new PrefixAttention(driver, memory, shape, limits) : null;
        prefill = HopperPrefill.takes(shape, driver.properties())
                ? new HopperPrefill(driver, memory, shape, limits, keys)
                : new GenericPrefill(driver, shape);
        int tileTokens = prefill.tileTokens();
        long most = (long) limits.tokens() / tileTokens + limits.sequences();
        tiles = memory.take(most * TILE_BYTES, "tiles of attention");
        tileCount = memory.take(4, "tiles of attention");
    }

    private static AttentionLimits few(AttentionLimits all) {
        int sequences = Math.min(FEW_SEQUENCES, all.sequences());
        return new AttentionLimits(sequences, sequences, (long) sequences * FEW_POSITIONS, 0);
    }

    /** What {@link Driver#prepare} should compile at start: all that steps of any mix and length take. */
    public List<Program> programs() {
        var all = new ArrayList<>(prefill.programs());
        if (whole != null) {
            all.addAll(whole.programs());
        }
        if (generic != null) {
            all.addAll(generic.programs());
        }
        if (few != null) {
            all.addAll(few.programs());
        }
        if (shared != null) {
            all.addAll(shared.programs());
        }
        all.add(tilesProgram);
        all.add(rotation.program(Rotation.Pairs.HALVES));
        return all;
    }

    /** Once a step, before its first {@link #attend}. Layers with a window share the list of the others. */
    public void plan(Stream stream, Plan plan) {
        if (plan.mix() == Mix.DECODE) {
            return;
        }
        StepArrays step = plan.step();
        int most = step.tokens() / prefill.tileTokens() + step.sequences();
        Arguments fields = step.step(Arguments.of().pointer(tiles).pointer(tileCount))
                .int32(prefill.tileTokens())
                .int32(prefill.blockKeys())
                .int32(0)
                .int32(plan.mix() == Mix.MIXED ? 2 : 1);
        driver.launch(
                stream,
                driver.kernel(tilesProgram, "attention_tiles"),
                Launch.of(1, 1024).shared(4 * (most + 3 + step.sequences())).order(Launch.Order.DEPENDENT),
                Arguments.of().struct(fields));
    }

    /**
     * Rotary embedding of queries and keys, the write of keys and values to the cache, and attention. The rows of queries
     * and keys are turned or stay as they were.
     */
    public void rotateAndAttend(Stream stream, Plan plan, AttentionCall call, Rotation.Angles angles) {
        // Beside a prompt rope is a kernel of its own, whose turns have the same bits.
        if (plan.mix() == Mix.DECODE && plan.prefixes() == null) {
            DecodeKernel kernel = decode(plan, call.window());
            if (kernel.rotates(call, angles)) {
                kernel.rotate(stream, call, plan.step(), angles);
                return;
            }
        }
        rotation.launch(stream, call, plan.step(), angles);
        attend(stream, plan, call);
    }

    /** Attention to what the cache holds, this step's keys and values included. */
    public void attend(Stream stream, Plan plan, AttentionCall call) {
        if (plan.mix() != Mix.DECODE) {
            PrefillKernel.Prefix prefix = plan.cached() > 0 ? PrefillKernel.Prefix.CACHED : PrefillKernel.Prefix.NONE;
            long positions = plan.step().tokens() + (long) plan.cached() * plan.longest();
            prefill.launch(
                    stream,
                    call,
                    plan.step(),
                    new PrefillKernel.Tiles(tiles, tileCount, prefix, plan.longest(), positions));
        }
        if (plan.mix() != Mix.PREFILL) {
            decode(plan, call.window()).launch(stream, call, plan.step(), prefixes(stream, plan, call));
        }
    }

    private DecodeKernel.@Nullable Joined prefixes(Stream stream, Plan plan, AttentionCall call) {
        PrefixArrays prefixes = plan.prefixes();
        if (prefixes == null || call.window() > 0) {
            return null;
        }
        if (shared == null) {
            throw new IllegalArgumentException("prefixes that sequences share, but the limits have none");
        }
        shared.launch(stream, call, plan.step(), prefixes);
        return new DecodeKernel.Joined(shared, prefixes);
    }

    private static boolean isForFew(Plan plan, int window) {
        boolean small = plan.step().sequences() <= FEW_SEQUENCES && plan.longest() <= FEW_POSITIONS;
        return window == 0 && plan.prefixes() == null && small;
    }

    private DecodeKernel decode(Plan plan, int window) {
        if (few != null && isForFew(plan, window)) {
            return few;
        }
        DecodeKernel chosen = window == 0 && whole != null ? whole : generic;
        if (chosen == null) {
            throw new IllegalArgumentException("a window of " + window + ", but the limits have none");
        }
        return chosen;
    }

    @Override
    public void close() {
        if (whole != null) {
            whole.close();
        }
        if (generic != null) {
            generic.close();
        }
        if (few != null) {
            few.close();
        }
        if (shared != null) {
            shared.close();
        }
        prefill.close();
        driver.free(tiles);
        driver.free(tileCount);
    }
}
