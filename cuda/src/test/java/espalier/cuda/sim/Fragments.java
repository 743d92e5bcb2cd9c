package espalier.cuda.sim;

/**
 * How matrices lie in the registers of a warp and, for wgmma, in shared memory (PTX ISA 9.7.14.5 "Matrix Fragments",
 * 9.7.15.5): pure functions, which {@code FragmentsTest} compares with the tables that CuTe prints. A register holds
 * {@code e} elements: 1 of 32 bits, 2 of 16, 4 of 8.
 */
final class Fragments {
    /** Types of the elements of A and B. */
    enum Element {
        F16("f16", 16),
        BF16("bf16", 16),
        TF32("tf32", 32),
        E4M3("e4m3", 8),
        E5M2("e5m2", 8),
        S8("s8", 8),
        U8("u8", 8);

        final String name;
        final int bits;

        Element(String name, int bits) {
            this.name = name;
            this.bits = bits;
        }

        /** Null for an unknown name. */
        static Element of(String name) {
            for (Element e : values()) {
                if (e.name.equals(name)) {
                    return e;
                }
            }
            return null;
        }

        int perRegister() {
            return 32 / bits;
        }

        boolean isInteger() {
            return this == S8 || this == U8;
        }

        /** Of the low bits of {@code x}. */
        float value(int x) {
            return switch (this) {
                case F16 -> Alu.half(x);
                case BF16 -> Alu.bf16(x);
                case TF32 -> Alu.f(x & 0xffffe000);
                case E4M3 -> HalfOps.fp8(x, true);
                case E5M2 -> HalfOps.fp8(x, false);
                case S8 -> (byte) x;
                case U8 -> x & 0xff;
            };
        }
    }

    private Fragments() {}

    /** Row of A in register {@code k}. */
    static int aRow(int lane, int k) {
        return lane / 4 + k % 2 * 8;
    }

    /** First of the {@code e} columns of A in register {@code k}. */
    static int aColumn(int lane, int k, int e) {
        return lane % 4 * e + k / 2 * 4 * e;
    }

    /** First of the {@code e} rows (k) of B in register {@code k}; its column is lane / 4. */
    static int bRow(int lane, int k, int e) {
        return lane % 4 * e + k * 4 * e;
    }

    /** Row of element {@code k} of C and D; also of wgmma's D within the warp's 16 rows. */
    static int cRow(int lane, int k) {
        return lane / 4 + k / 2 % 2 * 8;
    }

    static int cColumn(int lane, int k) {
        return lane % 4 * 2 + k % 2 + k / 4 * 8;
    }

    /** Byte address bits 4 to 6, exclusive-or bits 7 to 9: mode 3 is 128 bytes, 2 is 64, 1 is 32, 0 none. */
    static int swizzle(int address, int mode) {
        return address ^ address >> 3 & (0x70 >> 3 - mode & 0x70);
    }

    /** Address of row {@code r}, byte {@code k} of a K-major operand behind a wgmma descriptor. */
    static int descriptorAddress(long d, int r, int k) {
        int mode = switch ((int) (d >>> 62)) {
            case 1 -> 3;
            case 2 -> 2;
            case 3 -> 1;
            default -> 0;
        };
        int width = 16 << mode, start = (int) (d & 0x3fff) << 4;
        int leading = (int) (d >>> 16 & 0x3fff) << 4, stride = (int) (d >>> 32 & 0x3fff) << 4;
        return swizzle(start + r / 8 * stride + r % 8 * width + k % width + k / width * leading, mode);
    }

    /** The same for an MN-major operand of 16-bit elements (8 k of 64 rows are 1,024 bytes); {@code r} a multiple of 8. */
    static int transposedAddress(long d, int r, int k) {
        if (d >>> 62 != 1) {
            throw new PtxParser.Unsupported("an MN-major operand without 128-byte swizzle");
        }
        int start = (int) (d & 0x3fff) << 4, leading = (int) (d >>> 16 & 0x3fff) << 4;
        int stride = (int) (d >>> 32 & 0x3fff) << 4;
        return swizzle(start + r / 64 * leading + k / 8 * stride + k % 8 * 128 + r % 64 * 2, 3);
    }
}
