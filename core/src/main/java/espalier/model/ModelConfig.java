package espalier.model;

import espalier.api.EngineFault;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.function.UnaryOperator;
import tools.jackson.databind.JsonNode;

/**
 * Reads a model's config.json: each value by name and type, and a message that names file, field and value where it
 * is missing or of another type. A field that is null counts as absent, as transformers has it.
 */
public final class ModelConfig {
    private final JsonNode node;
    private final UnaryOperator<String> place;
    private final String path;
    private final int contextTokens;

    private ModelConfig(JsonNode node, UnaryOperator<String> place, String path, int contextTokens) {
        this.node = node;
        this.place = place;
        this.path = path;
        this.contextTokens = contextTokens;
    }

    /** Of a file {@code config.json}. */
    public static ModelConfig of(JsonNode root) {
        return of(root, field -> "config.json: " + field);
    }

    /** @param place how messages name a field, as {@link espalier.checkpoint.ModelSource#place} does */
    public static ModelConfig of(JsonNode root, UnaryOperator<String> place) {
        if (!root.isObject()) {
            throw new EngineFault(EngineFault.Code.CHECKPOINT, place.apply("") + "want an object, have " + brief(root));
        }
        return new ModelConfig(root, place, "", 0);
    }

    /** The same config, to be used with a context of so many tokens. */
    public ModelConfig withContext(int tokens) {
        return new ModelConfig(node, place, path, tokens);
    }

    /** The context that the model is loaded for; 0 where the user left it to the model. */
    public int contextTokens() {
        return contextTokens;
    }

    /** Whether {@code architectures} names this one. */
    public boolean isA(String wanted) {
        return texts("architectures").contains(wanted);
    }

    boolean isEmpty() {
        return node.isEmpty();
    }

    public boolean has(String key) {
        return !node.path(key).isMissingNode() && !node.path(key).isNull();
    }

    /** Whether the file has the field at all, be it null. */
    public boolean states(String key) {
        return !node.path(key).isMissingNode();
    }

    /** A whole number that is at least 1. */
    public int count(String key) {
        JsonNode n = required(key);
        if (!n.isIntegralNumber() || !n.canConvertToInt() || n.intValue() < 1) {
            throw wrong(key, "a whole number of at least 1");
        }
        return n.intValue();
    }

    public int count(String key, int fallback) {
        return has(key) ? count(key) : fallback;
    }

    public double number(String key) {
        JsonNode n = required(key);
        if (!n.isNumber() || !Double.isFinite(n.doubleValue())) {
            throw wrong(key, "a number");
        }
        return n.doubleValue();
    }

    public double number(String key, double fallback) {
        return has(key) ? number(key) : fallback;
    }

    public String text(String key) {
        JsonNode n = required(key);
        if (!n.isString()) {
            throw wrong(key, "a string");
        }
        return n.stringValue();
    }

    public String text(String key, String fallback) {
        return has(key) ? text(key) : fallback;
    }

    public boolean flag(String key) {
        JsonNode n = node.path(key);
        if (has(key) && !n.isBoolean()) {
            throw wrong(key, "true or false");
        }
        return has(key) && n.booleanValue();
    }

    /** The strings of a list; empty where it is absent. */
    public List<String> texts(String key) {
        var all = new ArrayList<String>();
        if (has(key)) {
            JsonNode list = node.path(key);
            if (!list.isArray()) {
                throw wrong(key, "a list of strings");
            }
            for (JsonNode n : list) {
                if (!n.isString()) {
                    throw wrong(key, "a list of strings");
                }
                all.add(n.stringValue());
            }
        }
        return List.copyOf(all);
    }

    /** The numbers of a list. */
    public List<Float> numbers(String key) {
        JsonNode list = required(key);
        var all = new ArrayList<Float>();
        for (JsonNode n : list) {
            if (!n.isNumber()) {
                throw wrong(key, "a list of numbers");
            }
            all.add(n.floatValue());
        }
        return List.copyOf(all);
    }

    /** An object inside this one. */
    public Optional<ModelConfig> section(String key) {
        if (!has(key)) {
            return Optional.empty();
        }
        if (!node.path(key).isObject()) {
            throw wrong(key, "an object");
        }
        return Optional.of(new ModelConfig(node.path(key), place, path + key + ".", contextTokens));
    }

    /** Says that this config asks for something that cannot be had; {@code why} follows the field's name. */
    public EngineFault fault(String key, String why) {
        return new EngineFault(EngineFault.Code.CHECKPOINT, place.apply(path + key) + " " + why);
    }

    private JsonNode required(String key) {
        if (!has(key)) {
            throw fault(key, "is missing");
        }
        return node.path(key);
    }

    private EngineFault wrong(String key, String want) {
        return fault(key, "is " + brief(node.path(key)) + ", want " + want);
    }

    private static String brief(JsonNode n) {
        String all = n.toString();
        return all.length() <= 60 ? all : all.substring(0, 57) + "...";
    }
}
