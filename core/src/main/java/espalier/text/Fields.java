package espalier.text;

import espalier.api.EngineFault;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.JsonNode;

/** A JSON object with its place in its file, so that every fault names both. */
record Fields(String file, String path, JsonNode node) {
    Fields {
        if (!node.isObject()) {
            throw fault(file, path, "must be an object, not " + node.getNodeType());
        }
    }

    static EngineFault fault(String file, String path, String why) {
        return new EngineFault(EngineFault.Code.CHECKPOINT, file + (path.isEmpty() ? "" : ": " + path) + ": " + why);
    }

    EngineFault fault(String why) {
        return fault(file, path, why);
    }

    /** The value, or null where it is absent or JSON's null. */
    @Nullable
    JsonNode value(String name) {
        JsonNode value = node.get(name);
        return value == null || value.isNull() ? null : value;
    }

    String text(String name) {
        String text = textOrNull(name);
        if (text == null) {
            throw fault("'" + name + "' is missing");
        }
        return text;
    }

    String text(String name, String otherwise) {
        String text = textOrNull(name);
        return text == null ? otherwise : text;
    }

    @Nullable
    String textOrNull(String name) {
        JsonNode value = value(name);
        if (value == null) {
            return null;
        }
        if (!value.isString()) {
            throw fault("'" + name + "' must be a string, not " + value);
        }
        return value.stringValue();
    }

    boolean flag(String name, boolean otherwise) {
        JsonNode value = value(name);
        if (value == null) {
            return otherwise;
        }
        if (!value.isBoolean()) {
            throw fault("'" + name + "' must be true or false, not " + value);
        }
        return value.booleanValue();
    }

    int number(String name, int otherwise) {
        JsonNode value = value(name);
        if (value == null) {
            return otherwise;
        }
        if (!value.canConvertToInt() || !value.isIntegralNumber()) {
            throw fault("'" + name + "' must be a whole number, not " + value);
        }
        return value.intValue();
    }

    Fields object(String name) {
        JsonNode value = value(name);
        if (value == null) {
            throw fault("'" + name + "' is missing");
        }
        return new Fields(file, within(name), value);
    }

    /** The objects of an array; none where it is absent. */
    List<Fields> objects(String name) {
        JsonNode value = value(name);
        List<Fields> objects = new ArrayList<>();
        if (value == null) {
            return objects;
        }
        if (!value.isArray()) {
            throw fault("'" + name + "' must be an array, not " + value.getNodeType());
        }
        int i = 0;
        for (JsonNode element : value) {
            objects.add(new Fields(file, within(name) + "[" + i++ + "]", element));
        }
        return objects;
    }

    private String within(String name) {
        return path.isEmpty() ? name : path + "." + name;
    }
}
