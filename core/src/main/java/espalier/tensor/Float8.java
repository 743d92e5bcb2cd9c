package espalier.tensor;

/**
 * The two 8-bit floats of the OCP's "8-bit Floating Point Specification (OFP8)", version 1.0. Rounding is to nearest
 * even and saturates: what is too large, infinity too, becomes the greatest finite number. A NaN stays one.
 */
public final class Float8 {
    /** 4 bits of exponent, 3 of fraction; up to 448; no infinities, one NaN. */
    public static final Float8 E4M3 = new Float8(3, 7, 0x7E);
    /** 5 bits of exponent, 2 of fraction; up to 57,344: the upper half of an f16. */
    public static final Float8 E5M2 = new Float8(2, 15, 0x7B);

    private static final int NAN = 0x7F;
    private static final int INFINITY_BITS = 0x7F800000;
    private static final int FLOAT_FRACTION = 23;
    private static final int FLOAT_BIAS = 127;

    private final int fraction;
    private final int bias;
    private final int greatestCode;
    private final float greatest;
    private final float leastNormal;
    /** The distance of subnormal numbers. */
    private final float step;
    /** Of each code. */
    private final float[] numbers = new float[256];

    private Float8(int fraction, int bias, int greatestCode) {
        this.fraction = fraction;
        this.bias = bias;
        this.greatestCode = greatestCode;
        leastNormal = Math.scalb(1f, 1 - bias);
        step = Math.scalb(1f, 1 - bias - fraction);
        greatest = magnitude(greatestCode);
        for (int code = 0; code < numbers.length; code++) {
            numbers[code] = number(code);
        }
    }

    /** The greatest finite number. */
    public float greatest() {
        return greatest;
    }

    public byte of(float value) {
        int bits = Float.floatToRawIntBits(value);
        int sign = bits >>> 24 & 0x80;
        int magnitude = bits & Integer.MAX_VALUE;
        if (magnitude > INFINITY_BITS) {
            return (byte) (sign | NAN);
        }
        float absolute = Float.intBitsToFloat(magnitude);
        if (absolute >= greatest) {
            return (byte) (sign | greatestCode);
        }
        if (absolute < leastNormal) {
            return (byte) (sign | (int) Math.rint(absolute / step));
        }
        int shift = FLOAT_FRACTION - fraction;
        int rounded = magnitude + (1 << (shift - 1)) - 1 + (magnitude >>> shift & 1);
        return (byte) (sign | ((rounded >>> shift) - ((FLOAT_BIAS - bias) << fraction)));
    }

    public float toFloat(byte code) {
        return numbers[code & 0xFF];
    }

    private float number(int code) {
        int magnitude = code & 0x7F;
        float absolute = magnitude <= greatestCode
                ? magnitude(magnitude)
                : magnitude == greatestCode + 1 && fraction == 2 ? Float.POSITIVE_INFINITY : Float.NaN;
        return code > 0x7F ? -absolute : absolute;
    }

    private float magnitude(int code) {
        int exponent = code >>> fraction;
        int rest = code & (1 << fraction) - 1;
        return exponent == 0 ? rest * step : Math.scalb((float) (rest | 1 << fraction), exponent - bias - fraction);
    }
}
