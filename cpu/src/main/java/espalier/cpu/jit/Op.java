package espalier.cpu.jit;

/**
 * The vector instructions that kernels use: opcode map, mandatory prefix, opcode, operands, and their names in EVEX form
 * (AVX-512) and in VEX form (AVX2, AVX-VNNI), empty where there is none. See the opcode tables in volume 2 of Intel's
 * "Software Developer's Manual".
 */
public enum Op {
    VMOVUPS(Map.M0F, Prefix.NONE, 0x10, Form.D_M, Kind.VECTOR, "vmovups", "vmovups"),
    VMOVUPS_STORE(Map.M0F, Prefix.NONE, 0x11, Form.M_D, Kind.VECTOR, "vmovups", "vmovups"),
    VMOVDQU32(Map.M0F, Prefix.F3, 0x6F, Form.D_M, Kind.VECTOR, "vmovdqu32", "vmovdqu"),
    VMOVDQU32_STORE(Map.M0F, Prefix.F3, 0x7F, Form.M_D, Kind.VECTOR, "vmovdqu32", "vmovdqu"),
    VMOVD_STORE(Map.M0F, Prefix.P66, 0x7E, Form.M_D, Kind.ELEMENT, "vmovd", "vmovd"),
    VMOVD(Map.M0F, Prefix.P66, 0x6E, Form.D_M, Kind.GENERAL_REGISTER, "vmovd", "vmovd"),
    VINSERTF128(Map.M0F3A, Prefix.P66, 0x18, Form.D_S_M_I, Kind.HALF_VECTOR, "", "vinsertf128"),
    /** One of the four quarters of a vector of 512 bits. */
    VINSERTI32X4(Map.M0F3A, Prefix.P66, 0x38, Form.D_S_M_I, Kind.QUARTER_VECTOR, "vinserti32x4", ""),
    VMASKMOVPS(Map.M0F38, Prefix.P66, 0x2C, Form.D_S_M, Kind.VECTOR, "", "vmaskmovps"),
    VMASKMOVPS_STORE(Map.M0F38, Prefix.P66, 0x2E, Form.M_S_D, Kind.VECTOR, "", "vmaskmovps"),
    VBROADCASTSS(Map.M0F38, Prefix.P66, 0x18, Form.D_M, Kind.ELEMENT, "vbroadcastss", "vbroadcastss"),
    VPBROADCASTD(Map.M0F38, Prefix.P66, 0x58, Form.D_M, Kind.ELEMENT, "vpbroadcastd", "vpbroadcastd"),
    VPBROADCASTD_GENERAL(Map.M0F38, Prefix.P66, 0x7C, Form.D_M, Kind.GENERAL_REGISTER, "vpbroadcastd", ""),

    VFMADD231PS(Map.M0F38, Prefix.P66, 0xB8, Form.D_S_M, Kind.REPEATABLE, "vfmadd231ps", "vfmadd231ps"),
    /** {@code dst = dst * s + m}. */
    VFMADD213PS(Map.M0F38, Prefix.P66, 0xA8, Form.D_S_M, Kind.REPEATABLE, "vfmadd213ps", "vfmadd213ps"),
    /** {@code dst = dst * s - m}. */
    VFMSUB213PS(Map.M0F38, Prefix.P66, 0xAA, Form.D_S_M, Kind.REPEATABLE, "vfmsub213ps", "vfmsub213ps"),
    VADDPS(Map.M0F, Prefix.NONE, 0x58, Form.D_S_M, Kind.REPEATABLE, "vaddps", "vaddps"),
    VSUBPS(Map.M0F, Prefix.NONE, 0x5C, Form.D_S_M, Kind.REPEATABLE, "vsubps", "vsubps"),
    VMULPS(Map.M0F, Prefix.NONE, 0x59, Form.D_S_M, Kind.REPEATABLE, "vmulps", "vmulps"),
    VDIVPS(Map.M0F, Prefix.NONE, 0x5E, Form.D_S_M, Kind.REPEATABLE, "vdivps", "vdivps"),
    VMINPS(Map.M0F, Prefix.NONE, 0x5D, Form.D_S_M, Kind.REPEATABLE, "vminps", "vminps"),
    VMAXPS(Map.M0F, Prefix.NONE, 0x5F, Form.D_S_M, Kind.REPEATABLE, "vmaxps", "vmaxps"),
    /** {@code s * 2^floor(m)}. */
    VSCALEFPS(Map.M0F38, Prefix.P66, 0x2C, Form.D_S_M, Kind.REPEATABLE, "vscalefps", ""),
    /** {@code floor(log2(|m|))} as a float. */
    VGETEXPPS(Map.M0F38, Prefix.P66, 0x42, Form.D_M, Kind.REPEATABLE, "vgetexpps", ""),

    /** Halves, 16 bits each: AVX-512 FP16, as the three after it. */
    VMULPH(Map.M5, Prefix.NONE, 0x59, Form.D_S_M, Kind.VECTOR, "vmulph", ""),
    /** {@code dst = dst * s + m}. */
    VFMADD213PH(Map.M6, Prefix.P66, 0xA8, Form.D_S_M, Kind.VECTOR, "vfmadd213ph", ""),
    VCVTW2PH(Map.M5, Prefix.F3, 0x7D, Form.D_M, Kind.VECTOR, "vcvtw2ph", ""),
    /** The result is half a vector. */
    VCVTPS2PHX(Map.M5, Prefix.P66, 0x1D, Form.D_M, Kind.VECTOR, "vcvtps2phx", ""),

    VDPBF16PS(Map.M0F38, Prefix.F3, 0x52, Form.D_S_M, Kind.REPEATABLE, "vdpbf16ps", ""),
    VPDPBUSD(Map.M0F38, Prefix.P66, 0x50, Form.D_S_M, Kind.REPEATABLE, "vpdpbusd", "vpdpbusd"),
    VRNDSCALEPS(Map.M0F3A, Prefix.P66, 0x08, Form.D_M_I, Kind.REPEATABLE, "vrndscaleps", ""),
    VPMADDUBSW(Map.M0F38, Prefix.P66, 0x04, Form.D_S_M, Kind.VECTOR, "vpmaddubsw", "vpmaddubsw"),
    /** {@code s}, negated or cleared as the sign of {@code m} says. */
    VPSIGNB(Map.M0F38, Prefix.P66, 0x08, Form.D_S_M, Kind.VECTOR, "", "vpsignb"),
    VPABSB(Map.M0F38, Prefix.P66, 0x1C, Form.D_M, Kind.VECTOR, "vpabsb", "vpabsb"),
    VPMADDWD(Map.M0F, Prefix.P66, 0xF5, Form.D_S_M, Kind.VECTOR, "vpmaddwd", "vpmaddwd"),

    VCVTDQ2PS(Map.M0F, Prefix.NONE, 0x5B, Form.D_M, Kind.REPEATABLE, "vcvtdq2ps", "vcvtdq2ps"),
    VCVTPS2DQ(Map.M0F, Prefix.P66, 0x5B, Form.D_M, Kind.REPEATABLE, "vcvtps2dq", "vcvtps2dq"),
    VCVTPH2PS(Map.M0F38, Prefix.P66, 0x13, Form.D_M, Kind.HALF_VECTOR, "vcvtph2ps", "vcvtph2ps"),
    VCVTNE2PS2BF16(Map.M0F38, Prefix.F2, 0x72, Form.D_S_M, Kind.REPEATABLE, "vcvtne2ps2bf16", ""),
    VPMOVSDB_STORE(Map.M0F38, Prefix.F3, 0x21, Form.M_D, Kind.QUARTER_VECTOR, "vpmovsdb", ""),
    VPMOVDW_STORE(Map.M0F38, Prefix.F3, 0x33, Form.M_D, Kind.HALF_VECTOR, "vpmovdw", ""),
    VPMOVZXBD(Map.M0F38, Prefix.P66, 0x31, Form.D_M, Kind.QUARTER_VECTOR, "vpmovzxbd", "vpmovzxbd"),
    VPMOVZXWD(Map.M0F38, Prefix.P66, 0x33, Form.D_M, Kind.HALF_VECTOR, "vpmovzxwd", "vpmovzxwd"),
    VPMOVSXBW(Map.M0F38, Prefix.P66, 0x20, Form.D_M, Kind.HALF_VECTOR, "vpmovsxbw", "vpmovsxbw"),
    VPMOVSXBD(Map.M0F38, Prefix.P66, 0x21, Form.D_M, Kind.QUARTER_VECTOR, "vpmovsxbd", "vpmovsxbd"),
    VPACKSSDW(Map.M0F, Prefix.P66, 0x6B, Form.D_S_M, Kind.REPEATABLE, "vpackssdw", "vpackssdw"),
    VPACKSSWB(Map.M0F, Prefix.P66, 0x63, Form.D_S_M, Kind.VECTOR, "vpacksswb", "vpacksswb"),

    VPADDD(Map.M0F, Prefix.P66, 0xFE, Form.D_S_M, Kind.REPEATABLE, "vpaddd", "vpaddd"),
    VPSUBD(Map.M0F, Prefix.P66, 0xFA, Form.D_S_M, Kind.REPEATABLE, "vpsubd", "vpsubd"),
    VPADDW(Map.M0F, Prefix.P66, 0xFD, Form.D_S_M, Kind.VECTOR, "vpaddw", "vpaddw"),
    /** The upper 16 bits of twice the product of signed words, rounded. */
    VPMULHRSW(Map.M0F38, Prefix.P66, 0x0B, Form.D_S_M, Kind.VECTOR, "vpmulhrsw", "vpmulhrsw"),
    VPMAXUW(Map.M0F38, Prefix.P66, 0x3E, Form.D_S_M, Kind.VECTOR, "vpmaxuw", "vpmaxuw"),
    VPANDD(Map.M0F, Prefix.P66, 0xDB, Form.D_S_M, Kind.REPEATABLE, "vpandd", "vpand"),
    VPORD(Map.M0F, Prefix.P66, 0xEB, Form.D_S_M, Kind.REPEATABLE, "vpord", "vpor"),
    VPXORD(Map.M0F, Prefix.P66, 0xEF, Form.D_S_M, Kind.REPEATABLE, "vpxord", "vpxor"),
    VPSRLD(Map.M0F, Prefix.P66, 0x2_72, Form.SHIFT_D_M_I, Kind.REPEATABLE, "vpsrld", "vpsrld"),
    VPSRAD(Map.M0F, Prefix.P66, 0x4_72, Form.SHIFT_D_M_I, Kind.REPEATABLE, "vpsrad", "vpsrad"),
    VPSLLD(Map.M0F, Prefix.P66, 0x6_72, Form.SHIFT_D_M_I, Kind.REPEATABLE, "vpslld", "vpslld"),
    VPSRLW(Map.M0F, Prefix.P66, 0x2_71, Form.SHIFT_D_M_I, Kind.VECTOR, "vpsrlw", "vpsrlw"),

    /** Signed words to bytes without sign, saturated. */
    VPACKUSWB(Map.M0F, Prefix.P66, 0x67, Form.D_S_M, Kind.VECTOR, "vpackuswb", "vpackuswb"),
    VPSHUFD(Map.M0F, Prefix.P66, 0x70, Form.D_M_I, Kind.REPEATABLE, "vpshufd", "vpshufd"),
    VPSHUFB(Map.M0F38, Prefix.P66, 0x00, Form.D_S_M, Kind.VECTOR, "vpshufb", "vpshufb"),
    VPUNPCKLBW(Map.M0F, Prefix.P66, 0x60, Form.D_S_M, Kind.VECTOR, "vpunpcklbw", "vpunpcklbw"),
    VPUNPCKHBW(Map.M0F, Prefix.P66, 0x68, Form.D_S_M, Kind.VECTOR, "vpunpckhbw", "vpunpckhbw"),
    VPUNPCKLWD(Map.M0F, Prefix.P66, 0x61, Form.D_S_M, Kind.VECTOR, "vpunpcklwd", "vpunpcklwd"),
    VPUNPCKHWD(Map.M0F, Prefix.P66, 0x69, Form.D_S_M, Kind.VECTOR, "vpunpckhwd", "vpunpckhwd"),
    VPUNPCKLDQ(Map.M0F, Prefix.P66, 0x62, Form.D_S_M, Kind.REPEATABLE, "vpunpckldq", "vpunpckldq"),
    VPUNPCKHDQ(Map.M0F, Prefix.P66, 0x6A, Form.D_S_M, Kind.REPEATABLE, "vpunpckhdq", "vpunpckhdq"),
    VPUNPCKLQDQ(Map.M0F, Prefix.P66_W1, 0x6C, Form.D_S_M, Kind.VECTOR, "vpunpcklqdq", ""),
    VPUNPCKHQDQ(Map.M0F, Prefix.P66_W1, 0x6D, Form.D_S_M, Kind.VECTOR, "vpunpckhqdq", ""),
    VSHUFPS(Map.M0F, Prefix.NONE, 0xC6, Form.D_S_M_I, Kind.REPEATABLE, "vshufps", "vshufps"),
    /** Looks words up in a table of 32. */
    VPERMW(Map.M0F38, Prefix.P66_W1, 0x8D, Form.D_S_M, Kind.VECTOR, "vpermw", ""),
    /** Looks bytes up in a table of which {@code s} is the first half and {@code m} the second; AVX-512 VBMI. */
    VPERMI2B(Map.M0F38, Prefix.P66, 0x75, Form.D_S_M, Kind.VECTOR, "vpermi2b", ""),
    /** Looks elements up in a table of which {@code dst} is the first half and {@code m} the second. */
    VPERMT2D(Map.M0F38, Prefix.P66, 0x7E, Form.D_S_M, Kind.REPEATABLE, "vpermt2d", ""),
    VPERMD(Map.M0F38, Prefix.P66, 0x36, Form.D_S_M, Kind.REPEATABLE, "vpermd", "vpermd"),
    VSHUFF32X4(Map.M0F3A, Prefix.P66, 0x23, Form.D_S_M_I, Kind.REPEATABLE, "vshuff32x4", ""),
    VPERM2F128(Map.M0F3A, Prefix.P66, 0x06, Form.D_S_M_I, Kind.VECTOR, "", "vperm2f128");

    /** Opcode maps, by their number in the prefix. */
    enum Map {
        M0F(1),
        M0F38(2),
        M0F3A(3),
        M5(5),
        M6(6);

        final int number;

        Map(int number) {
            this.number = number;
        }
    }

    /** What a legacy instruction's prefix byte would be. */
    enum Prefix {
        NONE(0),
        P66(1),
        /** With the bit W, which tells some instructions from others. */
        P66_W1(0x81),
        F3(2),
        F2(3);

        final int number;

        Prefix(int number) {
            this.number = number;
        }
    }

    /** Order of the operands: D destination, S source, M register or memory (ModRM), I constant of 8 bits. */
    enum Form {
        D_M,
        M_D,
        D_S_M,
        M_S_D,
        D_M_I,
        D_S_M_I,
        /** The opcode's hexadecimal digit in front is what ModRM holds beside the operand. */
        SHIFT_D_M_I;

        boolean hasConstant() {
            return this == D_M_I || this == D_S_M_I || this == SHIFT_D_M_I;
        }

        boolean hasSource() {
            return this == D_S_M || this == M_S_D || this == D_S_M_I;
        }

        boolean isStore() {
            return this == M_D || this == M_S_D;
        }
    }

    /** What M is. */
    enum Kind {
        VECTOR,
        /** A vector; in memory also one element for all lanes. */
        REPEATABLE,
        HALF_VECTOR,
        QUARTER_VECTOR,
        ELEMENT,
        GENERAL_REGISTER;

        /** Its size in memory, in whose multiples EVEX counts an offset of 8 bits. */
        int bytes(int vectorBits) {
            return switch (this) {
                case VECTOR, REPEATABLE -> vectorBits / 8;
                case HALF_VECTOR -> vectorBits / 16;
                case QUARTER_VECTOR -> vectorBits / 32;
                case ELEMENT, GENERAL_REGISTER -> 4;
            };
        }
    }

    final Map map;
    final Prefix prefix;
    final int opcode;
    final Form form;
    final Kind kind;
    final String evexName;
    final String vexName;

    Op(Map map, Prefix prefix, int opcode, Form form, Kind kind, String evexName, String vexName) {
        this.map = map;
        this.prefix = prefix;
        this.opcode = opcode;
        this.form = form;
        this.kind = kind;
        this.evexName = evexName;
        this.vexName = vexName;
    }

    String name(Encoding encoding) {
        return encoding.isVex() ? vexName : evexName;
    }

    /** How an instruction is written down, and the width of its vectors. */
    public enum Encoding {
        VEX_128(128),
        VEX_256(256),
        EVEX_128(128),
        EVEX_256(256),
        EVEX_512(512);

        private final int bits;

        Encoding(int bits) {
            this.bits = bits;
        }

        public int bits() {
            return bits;
        }

        public boolean isVex() {
            return this == VEX_128 || this == VEX_256;
        }

        /** Vector registers that it can name. */
        public int registers() {
            return isVex() ? 16 : 32;
        }
    }
}
