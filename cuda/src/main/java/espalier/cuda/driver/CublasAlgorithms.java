package espalier.cuda.driver;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.HashMap;
import java.util.HexFormat;
import java.util.Map;
import java.util.Optional;

/**
 * Which algorithm was the fastest for which product, in a text file: a line each, the product's name after the
 * algorithm's bits. A line that cannot be understood is passed over, a file that cannot be written only costs time.
 */
final class CublasAlgorithms {
    private static final String FILE = "choices.txt";
    private static final int FIELDS = 3;

    private final Path file;
    private final Map<String, Chosen> known = new HashMap<>();

    CublasAlgorithms(Path folder) {
        file = folder.resolve(FILE);
        try {
            Files.readAllLines(file).forEach(this::take);
        } catch (IOException e) {
            // Nothing has been measured yet, or it is measured again.
        }
    }

    private void take(String line) {
        String[] parts = line.split("\t", FIELDS);
        if (parts.length != FIELDS || parts[0].length() != 2 * CublasProduct.ALGORITHM_BYTES) {
            return;
        }
        try {
            known.put(parts[2], new Chosen(HexFormat.of().parseHex(parts[0]), Double.parseDouble(parts[1])));
        } catch (IllegalArgumentException e) {
            // Two processes may have written at once.
        }
    }

    /** @param microseconds as measured, 0 where it was not */
    record Chosen(byte[] algorithm, double microseconds) {}

    Optional<Chosen> read(String product) {
        return Optional.ofNullable(known.get(product));
    }

    void write(String product, Chosen chosen) {
        known.put(product, chosen);
        String line = HexFormat.of().formatHex(chosen.algorithm) + "\t" + chosen.microseconds + "\t" + product + "\n";
        try {
            Files.createDirectories(file.toAbsolutePath().getParent());
            Files.writeString(file, line, StandardCharsets.UTF_8, StandardOpenOption.CREATE, StandardOpenOption.APPEND);
        } catch (IOException e) {
            // Read-only or full: measured again at the next start.
        }
    }
}
