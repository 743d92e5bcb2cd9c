package espalier.contract;

import espalier.tensor.DType;
import espalier.tensor.Device;
import espalier.tensor.reference.ReferenceDevice;
import java.util.ArrayList;
import java.util.List;

/**
 * One op, one shape, one set of formats: what every device must do as the reference does. The list is the contract of
 * {@link espalier.tensor.Ops}; a new op starts here.
 *
 * @param name op, shape and formats, in words
 * @param tolerance greatest |difference| over the greatest |value| of each row, for activations in F32; 0 in every type
 * @param body makes its inputs in the scene, calls the op and returns what was written
 */
public record OpCase(String name, double tolerance, Body body) {
    /** Of activations in 16 bits, where sums are not exact: two units in the last place, and what sums of rounded terms add. */
    private static final double OF_BF16 = 1e-2;

    private static final double OF_F16 = 2e-3;

    /** Runs one case on the scene's device. */
    @FunctionalInterface
    public interface Body {
        float[][] run(Scene scene);
    }

    /** Every case. */
    public static List<OpCase> all() {
        var cases = new ArrayList<OpCase>();
        ElementCases.addTo(cases);
        MatmulCases.addTo(cases);
        BlockCases.addTo(cases);
        FusedCases.addTo(cases);
        AttentionCase.addTo(cases);
        RotaryAttentionCase.addTo(cases);
        return cases;
    }

    /** Compares the device with the reference; throws an {@link AssertionError} that names the first wrong element. */
    public void check(Device device) {
        check(device, Scene.Manner.ANY);
    }

    public void check(Device device, Scene.Manner manner) {
        Scene scene = Scene.of(device, name.hashCode(), manner);
        float[][] have = body.run(scene);
        try (var reference = new ReferenceDevice()) {
            float[][] want = body.run(Scene.like(scene, reference, name.hashCode()));
            compare(have, want, tolerance(scene.activations()));
        }
    }

    private double tolerance(DType activations) {
        return tolerance == 0
                ? 0
                : switch (activations) {
                    case BF16 -> OF_BF16;
                    case F16 -> OF_F16;
                    case F32, I32 -> tolerance;
                };
    }

    private void compare(float[][] have, float[][] want, double allowed) {
        if (have.length != want.length) {
            throw new AssertionError(name + ": " + have.length + " rows, the reference has " + want.length);
        }
        for (int i = 0; i < want.length; i++) {
            double greatest = 0;
            for (float v : want[i]) {
                greatest = Math.max(greatest, Math.abs(v));
            }
            for (int j = 0; j < want[i].length; j++) {
                double off = Math.abs((double) have[i][j] - want[i][j]);
                if (!(off <= allowed * greatest)) {
                    throw new AssertionError(name + ": row " + i + " column " + j + " is " + have[i][j]
                            + ", the reference has " + want[i][j] + " (greatest of the row " + greatest + ")");
                }
            }
        }
    }

    @Override
    public String toString() {
        return name;
    }
}
