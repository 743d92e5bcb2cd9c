package espalier.cli;

import espalier.config.OptionReader;
import java.util.List;
import java.util.Map;

/**
 * What was typed after a command's name.
 *
 * @param flags by first name
 */
record Typed(Map<String, String> flags, List<String> arguments) {

    <T extends Record> T as(Class<T> tree) {
        return OptionReader.read(tree, flags::get);
    }
}
