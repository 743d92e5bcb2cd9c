package espalier.cpu;

import espalier.tensor.BlockFormat;
import espalier.tensor.Matrix;
import espalier.tensor.Tensor;
import espalier.tensor.host.BlockRow;
import java.util.ArrayList;
import java.util.EnumSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Set;

/** Products in f32 by the Vector API with weights in blocks, packed in a {@link QuadForm}; every machine has them. */
final class QuadProduct implements Product {
    /** Elements that are worth handing to another thread. */
    private static final int PART_ELEMENTS = 65_536;

    private final QuadForm form;
    private final Set<BlockFormat> taken;
    private final Team team;
    private final Matmul matmul;

    private QuadProduct(QuadForm form, Set<BlockFormat> taken, Team team, Matmul matmul) {
        this.form = form;
        this.taken = taken;
        this.team = team;
        this.matmul = matmul;
    }

    /** One for each form, together for all formats. */
    static List<Product> all(Team team, Matmul matmul) {
        var forms = new LinkedHashMap<QuadForm, Set<BlockFormat>>();
        for (BlockFormat format : BlockFormat.values()) {
            forms.computeIfAbsent(QuadForm.of(format), form -> EnumSet.noneOf(BlockFormat.class))
                    .add(format);
        }
        var all = new ArrayList<Product>();
        forms.forEach((form, formats) -> {
            if (form.isRoomy()) {
                all.add(new QuadProduct(form, formats, team, matmul));
            }
        });
        return all;
    }

    @Override
    public String path() {
        return ProductLog.VECTORS;
    }

    @Override
    public boolean takes(Matrix stored) {
        return stored instanceof Matrix.Blocks b && taken.contains(b.format());
    }

    @Override
    public long bytes(int out, int in) {
        return form.bytes(out, in);
    }

    /** A part of the work is whole quads: two threads that write to one quad would take its cache lines from each other. */
    @Override
    public void pack(Matrix stored, Packed to, int firstColumn) {
        var blocks = (Matrix.Blocks) stored;
        int end = firstColumn + blocks.out();
        int firstQuad = firstColumn / 4;
        int quads = Math.ceilDiv(end, 4) - firstQuad;
        int each = Math.max(1, PART_ELEMENTS / (4 * to.in()));
        team.run(Math.ceilDiv(quads, each), (part, lane) -> {
            var row = new BlockRow(blocks.format(), to.in());
            int first = Math.max(firstColumn, 4 * (firstQuad + part * each));
            int last = Math.min(end, 4 * (firstQuad + (part + 1) * each));
            for (int column = first; column < last; column++) {
                row.read(blocks, column - firstColumn, 0);
                form.pack(row, to.address() + column / 4 * form.quadBytes(to.in()), column % 4);
            }
        });
    }

    Quads quads(Packed w) {
        return new Quads(form, w.out(), w.in(), w.address());
    }

    @Override
    public void run(Tensor x, Packed w, Tensor out) {
        matmul.run(x, w, out);
    }

    @Override
    public OpMemory.Need need(int mostRows, int out, int in) {
        return Matmul.need(mostRows, in);
    }
}
