package espalier.cuda.kernel;

import espalier.api.EngineFault;
import espalier.cuda.driver.ProductRows;
import espalier.tensor.DType;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.HashMap;
import java.util.Locale;
import java.util.Map;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;

/**
 * Which kernel was measured to be the fastest, by shape; kept in a file, one line a shape. A line that is not understood,
 * such as another version's, counts as not there.
 */
public final class KernelChoices {
    private static final int FIELDS = 7;

    private final @Nullable Path file;
    private final Map<Key, ProductChoice> known = new HashMap<>();
    private final TreeMap<String, String> lines = new TreeMap<>();

    private KernelChoices(@Nullable Path file) {
        this.file = file;
    }

    /** For this process alone. */
    public static KernelChoices forgotten() {
        return new KernelChoices(null);
    }

    /** Kept in {@code file}, which need not exist; one a kind of device and driver. */
    public static KernelChoices keptIn(Path file) {
        var choices = new KernelChoices(file);
        if (Files.exists(file)) {
            try {
                Files.readAllLines(file, StandardCharsets.UTF_8).forEach(choices::read);
            } catch (IOException e) {
                throw new EngineFault(
                        EngineFault.Code.RESOURCE, "cannot read " + file + ", which keeps the choices of products", e);
            }
        }
        return choices;
    }

    /** Products that are chosen together. {@code bucket} is the greatest number of rows. */
    record Key(int bucket, int out, int in, DType operands, DType result) {

        /** With what lies below the next number of rows that is measured. */
        static Key of(int rows, View w, DType result) {
            return new Key(ProductRows.above(rows), w.rows(), w.cols(), w.type(), result);
        }

        String text() {
            return bucket + " " + out + " " + in + " " + operands + " " + result;
        }
    }

    @Nullable
    ProductChoice of(Key key) {
        return known.get(key);
    }

    void put(Key key, ProductChoice choice, double microseconds) {
        known.put(key, choice);
        lines.put(key.text(), String.format(Locale.ROOT, "%s %s %.1f", key.text(), choice, microseconds));
        if (file != null) {
            write(file);
        }
    }

    private void read(String line) {
        String[] f = line.split(" ");
        if (f.length != FIELDS) {
            return;
        }
        try {
            var key = new Key(
                    Integer.parseInt(f[0]),
                    Integer.parseInt(f[1]),
                    Integer.parseInt(f[2]),
                    DType.valueOf(f[3]),
                    DType.valueOf(f[4]));
            known.put(key, ProductChoice.valueOf(f[5]));
            lines.put(key.text(), line);
        } catch (IllegalArgumentException e) {
            lines.remove(line); // measured again
        }
    }

    private void write(Path to) {
        try {
            Files.createDirectories(to.toAbsolutePath().getParent());
            Path next = to.resolveSibling(to.getFileName() + ".new");
            Files.write(next, lines.values(), StandardCharsets.UTF_8);
            Files.move(next, to, StandardCopyOption.REPLACE_EXISTING, StandardCopyOption.ATOMIC_MOVE);
        } catch (IOException e) {
            throw new EngineFault(
                    EngineFault.Code.RESOURCE, "cannot write " + to + ", which keeps the choices of products", e);
        }
    }
}
