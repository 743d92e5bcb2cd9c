package espalier.checkpoint.gguf;

import espalier.api.EngineFault;
import java.util.Map;

/** A file's metadata by key and type; a message names file, key and value where it is missing or of another type. */
record GgufMetadata(String file, Map<String, GgufValue> values) {

    boolean has(String key) {
        return values.containsKey(key);
    }

    String text(String key) {
        if (required(key) instanceof GgufValue.Text(String value)) {
            return value;
        }
        throw wrong(key, "a text");
    }

    String text(String key, String fallback) {
        return has(key) ? text(key) : fallback;
    }

    /** A whole number that is at least 1; an array of numbers that are all the same counts as one. */
    int count(String key) {
        long value = switch (required(key)) {
            case GgufValue.Whole(long whole) -> whole;
            case GgufValue.Numbers(double[] all) -> same(key, all);
            case GgufValue.Real _, GgufValue.Flag _, GgufValue.Text _, GgufValue.Texts _, GgufValue.Nested _ -> 0;
        };
        if (value < 1 || value > Integer.MAX_VALUE) {
            throw wrong(key, "a whole number of at least 1");
        }
        return (int) value;
    }

    int count(String key, int fallback) {
        return has(key) ? count(key) : fallback;
    }

    private long same(String key, double[] all) {
        for (double each : all) {
            if (each != all[0]) {
                throw fault(key, "differs from layer to layer, which is not supported");
            }
        }
        return all.length == 0 ? 0 : (long) all[0];
    }

    /** A token's id; -1 where there is none. */
    int id(String key) {
        return values.get(key) instanceof GgufValue.Whole(long id) && id >= 0 && id <= Integer.MAX_VALUE
                ? (int) id
                : -1;
    }

    double number(String key) {
        return switch (required(key)) {
            case GgufValue.Real(double value) when Double.isFinite(value) -> value;
            case GgufValue.Whole(long value) -> value;
            case GgufValue.Real _,
                    GgufValue.Numbers _,
                    GgufValue.Flag _,
                    GgufValue.Text _,
                    GgufValue.Texts _,
                    GgufValue.Nested _ -> throw wrong(key, "a number");
        };
    }

    double number(String key, double fallback) {
        return has(key) ? number(key) : fallback;
    }

    boolean flag(String key, boolean fallback) {
        if (!has(key)) {
            return fallback;
        }
        if (required(key) instanceof GgufValue.Flag(boolean value)) {
            return value;
        }
        throw wrong(key, "true or false");
    }

    GgufTexts texts(String key) {
        if (required(key) instanceof GgufValue.Texts(GgufTexts texts)) {
            return texts;
        }
        throw wrong(key, "a list of texts");
    }

    double[] numbers(String key) {
        if (required(key) instanceof GgufValue.Numbers(double[] numbers)) {
            return numbers;
        }
        throw wrong(key, "a list of numbers");
    }

    EngineFault fault(String key, String why) {
        return GgufFile.fault(file + ": metadata '" + key + "' " + why);
    }

    private GgufValue required(String key) {
        GgufValue value = values.get(key);
        if (value == null) {
            throw fault(key, "is missing");
        }
        return value;
    }

    private EngineFault wrong(String key, String want) {
        String have = String.valueOf(values.get(key));
        return fault(key, "is " + (have.length() <= 60 ? have : have.substring(0, 57) + "...") + ", want " + want);
    }
}
