package espalier.cli;

import espalier.config.OptionReader;
import espalier.config.OptionReader.Described;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * Reads what follows a command's name where it is nothing but known flags, their values and arguments. Picocli reads the rest
 * (help, mistakes, whatever might mean something else to it) and says what is wrong; its description of a command takes a
 * tenth of a second of a start. Both read a line alike, or this one reads nothing.
 */
final class PlainLine {
    private final Map<String, Described> known = new HashMap<>();
    private final Map<String, String> values = new HashMap<>();
    private final List<String> arguments = new ArrayList<>();

    private PlainLine(Command command) {
        for (Class<? extends Record> tree : command.flags()) {
            for (Described flag : OptionReader.flags(tree)) {
                for (String name : command.takes(flag) ? flag.flag().value() : new String[0]) {
                    known.put(name, flag);
                }
            }
        }
    }

    /** What was typed; empty where picocli is to read it. */
    static Optional<Typed> read(Command command, List<String> words) {
        if (!command.subcommands().isEmpty() || words.stream().anyMatch(PlainLine::isSpecial)) {
            return Optional.empty();
        }
        var line = new PlainLine(command);
        boolean plain = line.read(words) && (line.arguments.isEmpty() || command.arguments() != null);
        return plain ? Optional.of(new Typed(line.values, List.copyOf(line.arguments))) : Optional.empty();
    }

    /** The end of flags, a file of arguments, or nothing. */
    private static boolean isSpecial(String word) {
        return word.isEmpty() || word.equals("--") || word.startsWith("@");
    }

    private static boolean isArgument(String word) {
        return !word.startsWith("-") || word.equals("-");
    }

    private boolean read(List<String> words) {
        for (int i = 0; i < words.size(); i++) {
            String word = words.get(i);
            if (isArgument(word)) {
                arguments.add(word);
                continue;
            }
            int equal = word.indexOf('=');
            Described flag = known.get(equal < 0 ? word : word.substring(0, equal));
            if (flag == null || values.containsKey(flag.name()) || (equal >= 0 && flag.isSwitch())) {
                return false;
            }
            String value = flag.isSwitch() ? "true" : equal >= 0 ? word.substring(equal + 1) : following(words, ++i);
            if (value.isEmpty()) {
                return false;
            }
            values.put(flag.name(), value);
        }
        return true;
    }

    /** The value of the flag before it; empty where there is none that is no flag. */
    private static String following(List<String> words, int index) {
        return index < words.size() && isArgument(words.get(index)) ? words.get(index) : "";
    }
}
