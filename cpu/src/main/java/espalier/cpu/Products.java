package espalier.cpu;

import espalier.api.EngineFault;
import espalier.cpu.ProductLog.Reasons;
import espalier.cpu.jit.AmxKernels;
import espalier.cpu.jit.Code;
import espalier.cpu.jit.ExpandingKernels;
import espalier.cpu.jit.Fetching;
import espalier.cpu.jit.Grouping;
import espalier.cpu.jit.PanelKernels;
import espalier.cpu.jit.Processor;
import espalier.cpu.jit.Processor.Feature;
import espalier.cpu.jit.RowCode;
import espalier.cpu.jit.RowOps;
import espalier.cpu.jit.WideningKernels;
import espalier.tensor.DeviceProvider.Aim;
import espalier.tensor.DeviceProvider.CpuKernels;
import espalier.tensor.DeviceProvider.Settings;
import espalier.tensor.Matrix;
import java.lang.foreign.Arena;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * The products that a device has, machine code first and the better first, and the matrices that it packed for them.
 * Whatever none of them takes is left as it is stored, for the Vector API.
 */
final class Products {
    /** Of weights that a thread writes first at a time. */
    private static final long PIECE_BYTES = 64 << 10;

    private final List<Product> products;
    private final Team team;
    private final ProductLog log;
    private final Matmul vectors;
    private final WeightMemory memory;
    private final @Nullable AmxKernels tiles;
    private final Widening.By widening;
    private final RowOps rows;

    private Products(Choice choice, Matmul vectors) {
        products = List.copyOf(choice.found);
        team = choice.crew.team();
        log = choice.log();
        this.vectors = vectors;
        memory = new WeightMemory(choice.arena);
        tiles = choice.tiles;
        widening = choice.widening;
        rows = choice.rows;
    }

    /** Products that need no machine code, and take weights that nobody prepared. */
    Matmul vectors() {
        return vectors;
    }

    /** How attention may widen narrow keys and values. */
    Widening.By widening() {
        return widening;
    }

    /** What is done between two products. */
    RowOps rows() {
        return rows;
    }

    /** Tiles of bf16, which attention may use too; null where there are none. */
    @Nullable
    AmxKernels tiles() {
        return tiles;
    }

    /**
     * Those that the settings allow and this machine has.
     *
     * @throws EngineFault RESOURCE if the settings name instructions that it has not
     */
    static Products choose(Settings settings, Crew crew, Arena arena) {
        return new Choice(settings, crew, arena).choose();
    }

    /** The steps of {@link #choose}. */
    private static final class Choice {
        private final Settings settings;
        private final Crew crew;
        private final Arena arena;
        private final List<Product> found = new ArrayList<>();
        private final List<String> missing = new ArrayList<>();
        private String wish = "";
        private @Nullable AmxKernels tiles;
        private Widening.By widening = Widening.By.LOOPS;
        private RowOps rows = new RowLoops();

        Choice(Settings settings, Crew crew, Arena arena) {
            this.settings = settings;
            this.crew = crew;
            this.arena = arena;
        }

        Products choose() {
            switch (settings.products()) {
                case FLOAT32 -> wish = "--dtype float32";
                case FASTEST -> fastest();
            }
            var vectors = new Matmul(crew, rows);
            found.addAll(QuadProduct.all(crew.team(), vectors));
            return new Products(this, vectors);
        }

        private void fastest() {
            CpuKernels wanted = settings.cpu().kernels();
            if (wanted != CpuKernels.AUTO) {
                wish = "--cpu-kernels " + name(wanted);
            }
            if (wanted == CpuKernels.VECTOR) {
                return;
            }
            String obstacle = Code.obstacle();
            Processor processor = obstacle.isEmpty() ? processor() : null;
            if (processor != null) {
                add(wanted, processor);
            } else if (!obstacle.isEmpty()) {
                refuse(wanted, obstacle);
            }
        }

        private ProductLog log() {
            boolean found = this.found.stream().anyMatch(p -> !p.path().equals(ProductLog.VECTORS));
            var code = found ? Reasons.MachineCode.FOUND : Reasons.MachineCode.NONE;
            return new ProductLog(new Reasons(wish, missing, settings.cpu().aim(), code), advice(code));
        }

        /** For a model that is multiplied by the Vector API. */
        private String advice(Reasons.MachineCode code) {
            if (wish.equals("--cpu-kernels " + name(CpuKernels.VECTOR))
                    && Code.obstacle().isEmpty()) {
                return "machine code is several times faster for prompts and many sequences; it is chosen without "
                        + "--cpu-kernels";
            }
            return wish.isEmpty() && code == Reasons.MachineCode.NONE
                    ? "weights of 8 or 4 bits decode fastest by the Vector API, f16 slowest: --quantization int8 or int4"
                    : "";
        }

        /** What the processor has; null, with a remark, where the system does not let our code run. */
        private @Nullable Processor processor() {
            try {
                return Processor.here();
            } catch (EngineFault refused) {
                refuse(settings.cpu().kernels(), refused.getMessage());
                return null;
            }
        }

        private void add(CpuKernels wanted, Processor processor) {
            switch (wanted) {
                case AUTO, AMX -> {
                    addTiles(wanted, processor);
                    addWide(CpuKernels.AUTO, processor); // for what tiles do not take
                    if (!processor.has(Feature.AVX512_VNNI)) {
                        addNarrow(CpuKernels.AUTO, processor);
                    }
                }
                case AVX512 -> addWide(wanted, processor);
                case AVX2 -> addNarrow(wanted, processor);
                case VECTOR -> {}
            }
        }

        private void addTiles(CpuKernels wanted, Processor processor) {
            String obstacle = AmxKernels.obstacle(processor);
            if (obstacle.isEmpty()) {
                var kernels = new AmxKernels(arena);
                tiles = kernels;
                found.add(new AmxProduct(crew, kernels));
                var layouts = GroupLayout.all(AmxKernels.PANEL, Grouping.Zero.SIGNED, Grouping.Order.PAIRS, arena);
                for (GroupLayout layout : blocksByTiles(processor) ? layouts : List.<GroupLayout>of()) {
                    Grouping grouping = layout.grouping();
                    found.add(new AmxProduct(
                            crew, kernels, layout, () -> new ExpandingKernels(grouping, kernels, arena)));
                }
            } else {
                refuse(wanted, obstacle);
            }
        }

        /** Whether tiles of bf16 multiply weights in blocks too, where dot products of integers could. */
        private boolean blocksByTiles(Processor processor) {
            boolean integers = processor.has(Feature.AVX512_VNNI);
            boolean expanded = tiles != null && ExpandingKernels.suits(processor);
            return expanded && (settings.cpu().aim() != Aim.LATENCY || !integers);
        }

        private void addWide(CpuKernels wanted, Processor processor) {
            if (processor.has(Feature.AVX512)) {
                rows = new RowCode(crew.team().lanes(), arena);
            }
            widening = WideningKernels.suits(processor) ? Widening.By.KERNELS : Widening.By.LOOPS;
            boolean bf16 = processor.has(Feature.AVX512_BF16);
            boolean integers = processor.has(Feature.AVX512_VNNI);
            Fetching how = processor.fetching();
            boolean tiled = tiles != null && processor.has(Feature.AMX_INT8);
            String by = "AVX-512 VNNI";
            if (bf16 && tiles == null) {
                add("AVX-512 BF16", PanelKernels.bf16(), new HalfLayout(), how);
            }
            if (integers) {
                var layouts =
                        GroupLayout.all(PanelKernels.WIDE_COLUMNS, Grouping.Zero.OFFSET, Grouping.Order.FOURS, arena);
                for (GroupLayout layout : blocksByTiles(processor) ? List.<GroupLayout>of() : layouts) {
                    add(by, PanelKernels.groups(layout.grouping()), layout, how);
                }
                PanelKernels.Emitter rows = tiled ? PanelKernels.tiledRows() : PanelKernels.rows();
                add(
                        tiled ? by + ", and AMX for many rows" : by,
                        rows,
                        new RowLayout(
                                PanelKernels.WIDE_COLUMNS, rows.form().stepElements(), Grouping.Bits.BYTE.offset()),
                        how);
            }
            if (!bf16 && !integers) {
                refuse(wanted, "the processor has neither AVX-512 BF16 nor AVX-512 VNNI");
            }
        }

        private void addNarrow(CpuKernels wanted, Processor processor) {
            if (!processor.has(Feature.AVX2)) {
                refuse(wanted, "the processor has no AVX2");
                return;
            }
            Fetching how = processor.fetching();
            for (GroupLayout layout :
                    GroupLayout.all(PanelKernels.NARROW_COLUMNS, Grouping.Zero.SIGNED, Grouping.Order.FOURS, arena)) {
                add("AVX2", PanelKernels.narrowGroups(layout.grouping()), layout, how);
            }
            var rows = new RowLayout(
                    PanelKernels.NARROW_COLUMNS,
                    PanelKernels.narrowRows().form().stepElements(),
                    0);
            add("AVX2", PanelKernels.narrowRows(), rows, how);
        }

        private void add(String path, PanelKernels.Emitter emitter, Layout layout, Fetching fetching) {
            found.add(new PanelProduct(
                    path, emitter.form(), layout, crew, () -> PanelKernels.load(emitter, fetching, arena)));
        }

        /** Only a path that was asked for by its name is a fault where it is missing. */
        private void refuse(CpuKernels wanted, String reason) {
            if (wanted != CpuKernels.AUTO) {
                throw new EngineFault(EngineFault.Code.RESOURCE, "--cpu-kernels " + name(wanted) + ": " + reason);
            }
            missing.add(reason);
        }

        private static String name(CpuKernels kernels) {
            return kernels.name().toLowerCase(java.util.Locale.ROOT);
        }
    }

    /** Of the weights that were prepared. */
    List<String> remarks() {
        return log.lines();
    }

    /** The packed form of what a product takes; parts of a stack that one product takes become one. */
    Matrix prepare(Matrix stored) {
        Product product = product(stored);
        if (product != null || !(stored instanceof Matrix.Stacked)) {
            log.add(stored, product);
        }
        if (product != null) {
            long bytes = product.bytes(stored.out(), stored.in());
            var packed = new Product.Packed(product, stored.out(), stored.in(), memory.take(bytes));
            settle(packed.address(), bytes);
            pack(stored, packed, 0);
            return packed;
        }
        return stored instanceof Matrix.Stacked(var parts)
                ? new Matrix.Stacked(parts.stream().map(this::prepare).toList())
                : stored;
    }

    /** Has panels written first where they will be read: they are divided over nodes in order, whatever rows they are made of. */
    private void settle(long address, long bytes) {
        if (team.nodes() > 1) {
            int pieces = (int) Math.ceilDiv(bytes, PIECE_BYTES);
            team.runAtHome(
                    pieces,
                    (piece, lane) -> Mapping.touch(
                            address + piece * PIECE_BYTES, Math.min(PIECE_BYTES, bytes - piece * PIECE_BYTES)));
        }
    }

    /** What multiplies by a matrix that is not stacked. */
    String path(Matrix stored) {
        Product product = product(stored);
        return product == null ? "Vector API" : product.path();
    }

    /** Bytes that {@link #prepare} takes. */
    long bytes(Matrix stored) {
        Product product = product(stored);
        if (product != null) {
            return product.bytes(stored.out(), stored.in());
        }
        long sum = 0;
        if (stored instanceof Matrix.Stacked(var parts)) {
            for (Matrix part : parts) {
                sum += bytes(part);
            }
        }
        return sum;
    }

    /** The most that products of up to so many rows take, with a matrix that will be prepared or was. */
    OpMemory.Need need(Matrix w, int mostRows) {
        if (w instanceof Product.Packed packed) {
            return packed.by().need(mostRows, packed.out(), packed.in());
        }
        Product product = product(w);
        if (product != null) {
            return product.need(mostRows, w.out(), w.in());
        }
        OpMemory.Need need = Matmul.need(mostRows, w.in());
        if (w instanceof Matrix.Stacked(var parts)) {
            for (Matrix part : parts) {
                need = need.or(need(part, mostRows));
            }
        }
        return need;
    }

    private @Nullable Product product(Matrix stored) {
        for (Product each : products) {
            if (takes(each, stored)) {
                return each;
            }
        }
        return null;
    }

    private static boolean takes(Product product, Matrix stored) {
        return switch (stored) {
            case Matrix.Dense _, Matrix.Blocks _ -> product.takes(stored);
            case Matrix.Stacked(var parts) -> parts.stream().allMatch(part -> takes(product, part));
            case Matrix.Prepared _ -> false;
        };
    }

    private static void pack(Matrix stored, Product.Packed to, int firstColumn) {
        if (stored instanceof Matrix.Stacked(var parts)) {
            int column = firstColumn;
            for (Matrix part : parts) {
                pack(part, to, column);
                column += part.out();
            }
        } else {
            to.by().pack(stored, to, firstColumn);
        }
    }
}
