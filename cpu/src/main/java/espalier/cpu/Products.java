package espalier.cpu;

import espalier.api.EngineFault;
import espalier.cpu.jit.AmxKernels;
import espalier.cpu.jit.ExpandingKernels;
import espalier.cpu.jit.Fetching;
import espalier.cpu.jit.Grouping;
import espalier.cpu.jit.PanelKernels;
import espalier.cpu.jit.Processor;
import espalier.cpu.jit.Processor.Feature;
import espalier.cpu.jit.RowCode;
import espalier.cpu.jit.RowOps;
import espalier.cpu.jit.WideningKernels;
import espalier.tensor.DeviceProvider;
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

    private Products(Choice choice, ProductLog log, Matmul vectors) {
        products = List.copyOf(choice.found);
        team = choice.crew.team();
        this.log = log;
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
    static Products choose(Settings settings, Crew crew, Arena arena, Host host) {
        return new Choice(crew, arena).choose(settings, host);
    }

    /** The steps of {@link #choose}. */
    private static final class Choice {
        private final Crew crew;
        private final Arena arena;
        private final List<Product> found = new ArrayList<>();
        private @Nullable AmxKernels tiles;
        private Widening.By widening = Widening.By.LOOPS;
        private RowOps rows = new RowLoops();

        Choice(Crew crew, Arena arena) {
            this.crew = crew;
            this.arena = arena;
        }

        Products choose(Settings settings, Host host) {
            Processor processor = null;
            String obstacle = host.obstacle().get();
            CpuKernels wanted = settings.cpu().kernels();
            if (settings.products() == DeviceProvider.Products.FASTEST && wanted != CpuKernels.VECTOR) {
                if (obstacle.isEmpty()) {
                    try {
                        processor = host.processor().get();
                    } catch (EngineFault refused) {
                        obstacle = refused.getMessage();
                    }
                }
                if (wanted != CpuKernels.AUTO) {
                    Selection.require(wanted, obstacle);
                }
            }
            Selection selection = processor == null
                    ? Selection.withoutCode(settings, obstacle)
                    : Selection.of(settings, processor, AmxKernels.obstacle(processor, host.tiles()));
            if (processor != null) {
                add(selection, processor, wanted);
            }
            var vectors = new Matmul(crew, rows);
            found.addAll(QuadProduct.all(crew.team(), vectors));
            return new Products(this, new ProductLog(selection), vectors);
        }

        private void add(Selection selection, Processor processor, CpuKernels wanted) {
            for (Selection.Kind kind : Selection.Kind.values()) {
                add(selection.kernels(kind), processor.fetching());
            }
            if (wanted != CpuKernels.AVX2) {
                rows = processor.has(Feature.AVX512) ? new RowCode(crew.team().lanes(), arena) : rows;
                widening = WideningKernels.suits(processor) ? Widening.By.KERNELS : Widening.By.LOOPS;
            }
        }

        private void add(Selection.Kernels kernels, Fetching how) {
            switch (kernels) {
                case AMX -> found.add(new AmxProduct(crew, tiles()));
                case AMX_EXPANDED -> addExpanded(tiles());
                case AVX512_BF16 -> add(kernels, PanelKernels.bf16(), new HalfLayout(), how);
                case AVX512_GROUPS -> {
                    int columns = PanelKernels.WIDE_COLUMNS;
                    for (var layout : GroupLayout.all(columns, Grouping.Zero.OFFSET, Grouping.Order.FOURS, arena)) {
                        add(kernels, PanelKernels.groups(layout.grouping()), layout, how);
                    }
                }
                case AVX512_ROWS -> addWideRows(kernels, PanelKernels.rows(), how);
                case AVX512_ROWS_AND_TILES -> addWideRows(kernels, PanelKernels.tiledRows(), how);
                case AVX2_GROUPS -> {
                    int columns = PanelKernels.NARROW_COLUMNS;
                    for (var layout : GroupLayout.all(columns, Grouping.Zero.SIGNED, Grouping.Order.FOURS, arena)) {
                        add(kernels, PanelKernels.narrowGroups(layout.grouping()), layout, how);
                    }
                }
                case AVX2_ROWS -> {
                    PanelKernels.Emitter rows = PanelKernels.narrowRows();
                    int step = rows.form().stepElements();
                    add(kernels, rows, new RowLayout(PanelKernels.NARROW_COLUMNS, step, 0), how);
                }
                case VECTORS -> {}
            }
        }

        private AmxKernels tiles() {
            AmxKernels there = tiles == null ? new AmxKernels(arena) : tiles;
            tiles = there;
            return there;
        }

        private void addExpanded(AmxKernels tiles) {
            for (var layout : GroupLayout.all(AmxKernels.PANEL, Grouping.Zero.SIGNED, Grouping.Order.PAIRS, arena)) {
                found.add(new AmxProduct(
                        crew, tiles, layout, () -> new ExpandingKernels(layout.grouping(), tiles, arena)));
            }
        }

        private void addWideRows(Selection.Kernels kernels, PanelKernels.Emitter rows, Fetching how) {
            int step = rows.form().stepElements();
            int offset = Grouping.Bits.BYTE.offset();
            add(kernels, rows, new RowLayout(PanelKernels.WIDE_COLUMNS, step, offset), how);
        }

        private void add(Selection.Kernels kernels, PanelKernels.Emitter emitter, Layout layout, Fetching how) {
            found.add(new PanelProduct(
                    kernels.path(), emitter.form(), layout, crew, () -> PanelKernels.load(emitter, how, arena)));
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
