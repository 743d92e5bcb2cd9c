package espalier.contract;

import espalier.tensor.BlockFormat;
import espalier.tensor.Buffer;
import espalier.tensor.DType;
import espalier.tensor.Device;
import espalier.tensor.Matrix;
import espalier.tensor.Tensor;
import espalier.tensor.host.Cells;
import espalier.tensor.host.HostBuffer;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.Random;

/**
 * Tensors on any device with contents that depend on a seed alone. The gaps between the rows of a strided view hold
 * canaries, which {@link #read} looks after.
 */
public final class Scene {
    private static final byte CANARY = (byte) 0xA5;

    private final Device device;
    private final Random random;
    private final Manner manner;
    private final DType activations;
    private final boolean blind;

    /** How ops are called. */
    public enum Manner {
        /** In every way that {@link espalier.tensor.Ops} allows. */
        ANY,
        /**
         * As models call them: rows that attention reads begin at multiples of 16 bytes, those that it writes have no gaps,
         * and weights in the type of the activations are prepared.
         */
        OF_MODELS,
        /** As {@link #ANY}, with weights of every format prepared. */
        PREPARED
    }

    public Scene(Device device, long seed) {
        this(device, seed, Manner.ANY, device.ops().activations(), false);
    }

    private Scene(Device device, long seed, Manner manner, DType activations, boolean blind) {
        this.device = device;
        this.random = new Random(seed);
        this.manner = manner;
        this.activations = activations;
        this.blind = blind;
    }

    /** For a device without memory: every read is zero, and no canary is looked for. */
    public static Scene blind(Device device, long seed) {
        return new Scene(device, seed, Manner.ANY, DType.F32, true);
    }

    public static Scene of(Device device, long seed, Manner manner) {
        return new Scene(device, seed, manner, device.ops().activations(), false);
    }

    /** The same numbers, in the same types, on another device. */
    public static Scene like(Scene other, Device device, long seed) {
        return new Scene(device, seed, other.manner, other.activations, false);
    }

    public DType activations() {
        return activations;
    }

    /** What a row of attention's inputs of {@code cols} numbers takes with a gap of about {@code gap} behind it. */
    public int stride(int cols, int gap) {
        return switch (manner) {
            case ANY, PREPARED -> cols + gap;
            case OF_MODELS -> Math.ceilDiv(cols, 8) * 8 + 8;
        };
    }

    /** What a row of attention's output takes. */
    public int outStride(int cols, int gap) {
        return switch (manner) {
            case ANY, PREPARED -> cols + gap;
            case OF_MODELS -> cols;
        };
    }

    /** The weights as a product should read them. */
    public Matrix weights(Matrix stored) {
        boolean prepared = switch (manner) {
            case ANY -> false;
            case OF_MODELS -> isOfActivations(stored);
            case PREPARED -> true;
        };
        return prepared ? device.prepare(stored, Matrix.Stored.KEPT) : stored;
    }

    private boolean isOfActivations(Matrix stored) {
        return switch (stored) {
            case Matrix.Dense(Tensor values) -> values.dtype() == activations;
            case Matrix.Stacked(var parts) -> parts.stream().allMatch(this::isOfActivations);
            case Matrix.Blocks _, Matrix.Prepared _ -> false;
        };
    }

    /** Activations, uniform in [-1, 1). */
    public Tensor inputs(int rows, int cols, int stride) {
        return numbers(activations, rows, cols, stride);
    }

    public Tensor inputs(int rows, int cols) {
        return inputs(rows, cols, cols);
    }

    public Tensor inputs(float[][] values, int cols, int stride) {
        return numbers(activations, values, cols, stride);
    }

    public Device device() {
        return device;
    }

    public Random random() {
        return random;
    }

    /** Uniform in [-1, 1). */
    public Tensor numbers(DType dtype, int rows, int cols, int stride) {
        var values = new float[rows][cols];
        for (float[] row : values) {
            for (int j = 0; j < cols; j++) {
                row[j] = 2 * random.nextFloat() - 1;
            }
        }
        return numbers(dtype, values, cols, stride);
    }

    public Tensor numbers(DType dtype, int rows, int cols) {
        return numbers(dtype, rows, cols, cols);
    }

    public Tensor numbers(DType dtype, float[][] values, int cols, int stride) {
        Tensor host = host(dtype, values.length, cols, stride);
        for (int i = 0; i < values.length; i++) {
            for (int j = 0; j < cols; j++) {
                Cells.setNumber(host, i, j, values[i][j]);
            }
        }
        return upload(host);
    }

    /**
     * Rows of blocks: any bit pattern of whole numbers (the least one too), scales such that elements are about 1 at most.
     * The first row begins behind some bytes of something else.
     */
    public Matrix.Blocks blocks(BlockFormat format, int out, int in) {
        int offset = 192;
        var bytes = new byte[Math.toIntExact(offset + out * format.rowBytes(in))];
        random.nextBytes(bytes);
        ByteBuffer memory = ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN);
        int rowBytes = Math.toIntExact(format.rowBytes(in));
        float scale = 1f / Math.max(format.highest(), -format.lowest());
        for (int row = offset; row < bytes.length; row += rowBytes) {
            if (format.headBytes() > 0) {
                memory.putFloat(row, scale * (0.5f + random.nextFloat()));
                continue;
            }
            for (int at = row; at < row + rowBytes; at += format.blockBytes()) {
                setScales(format, memory, at, scale);
            }
        }
        MemorySegment host = Arena.ofAuto().allocate(bytes.length, 64).copyFrom(MemorySegment.ofArray(bytes));
        Buffer buffer = device.allocate(bytes.length);
        device.upload(host, buffer, 0);
        return new Matrix.Blocks(format, buffer, offset, out, in);
    }

    private void setScales(BlockFormat format, ByteBuffer block, int at, float scale) {
        switch (format) {
            case Q8_0, Q4_0, Q5_0, IQ4_NL, INT8_GROUP64, INT4_GROUP64 -> half(block, at, scale);
            case Q4_1, Q5_1, INT4_GROUP64_MIN -> {
                half(block, at, scale);
                half(block, at + 2, -0.5f);
            }
            case Q2_K -> {
                half(block, at + 80, scale / 15);
                half(block, at + 82, 1f / 30);
            }
            case Q3_K -> half(block, at + 108, scale / 32);
            case Q4_K, Q5_K -> {
                half(block, at, scale / 63);
                half(block, at + 2, 1f / 126);
            }
            case Q6_K -> half(block, at + 208, scale / 128);
            case INT8_ROW -> throw new IllegalArgumentException("its scale is the row's");
        }
    }

    private void half(ByteBuffer to, int at, float about) {
        to.putShort(at, Float.floatToFloat16(about * (0.5f + random.nextFloat())));
    }

    public Tensor integers(int... values) {
        return integers(new int[][] {values});
    }

    public Tensor integers(int[][] values) {
        int cols = values[0].length;
        Tensor host = host(DType.I32, values.length, cols, cols);
        for (int i = 0; i < values.length; i++) {
            for (int j = 0; j < cols; j++) {
                Cells.setInteger(host, i, j, values[i][j]);
            }
        }
        return upload(host);
    }

    /** Activations to be written; uninitialised, as far as an op may care. */
    public Tensor out(int rows, int cols, int stride) {
        return upload(host(activations, rows, cols, stride));
    }

    public Tensor out(int rows, int cols) {
        return out(rows, cols, cols);
    }

    private static Tensor host(DType dtype, int rows, int cols, int stride) {
        MemorySegment memory = Arena.ofAuto().allocate((long) Math.max(rows, 1) * stride * dtype.bytes(), 64);
        memory.fill(CANARY);
        return new Tensor(new HostBuffer(memory), 0, dtype, rows, cols, stride);
    }

    private Tensor upload(Tensor host) {
        MemorySegment memory = HostBuffer.memory(host.buffer());
        Buffer buffer = device.allocate(memory.byteSize());
        device.upload(memory, buffer, 0);
        return new Tensor(buffer, 0, host.dtype(), host.rows(), host.cols(), host.stride());
    }

    /** The contents of a view; the tensor must be one of this scene's, whole. */
    public float[][] read(Tensor t) {
        if (blind) {
            return new float[t.rows()][t.cols()];
        }
        MemorySegment memory = Arena.ofAuto().allocate(t.buffer().bytes(), 64);
        device.download(t.buffer(), 0, memory);
        var host = new Tensor(new HostBuffer(memory), t.offset(), t.dtype(), t.rows(), t.cols(), t.stride());
        var values = new float[t.rows()][t.cols()];
        for (int i = 0; i < t.rows(); i++) {
            for (int j = 0; j < t.cols(); j++) {
                values[i][j] = t.dtype() == DType.I32 ? Cells.integer(host, i, j) : Cells.number(host, i, j);
            }
            for (long at = Cells.at(host, i, t.cols() - 1) + t.dtype().bytes();
                    at < Cells.at(host, i, t.stride());
                    at++) {
                if (memory.get(ValueLayout.JAVA_BYTE, at) != CANARY) {
                    throw new AssertionError(
                            "row " + i + " was written past its " + t.cols() + " columns, at byte " + at);
                }
            }
        }
        return values;
    }
}
