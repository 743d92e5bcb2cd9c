package espalier.cuda.kernel;

import espalier.cuda.driver.DeviceProperties;
import espalier.cuda.driver.Driver;
import espalier.cuda.driver.ProductRows;
import espalier.cuda.driver.Program;
import espalier.tensor.DType;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;

/**
 * Which kernel was measured to be the fastest, by shape; kept in a file, one line a shape, which several processes may
 * share. A line that is not understood, such as another version's, counts as not there; a file that cannot be read or
 * written only costs time.
 */
public final class ProductChoices {
    private static final int FIELDS = 7;

    private static final List<String> COMPARED =
            List.of("product_wgmma.cu", "product_prompt.cu", "product_mma.cu", "product_any.cu");

    private final @Nullable Path file;
    private final Map<Key, ProductChoice> known = new HashMap<>();
    private final TreeMap<String, String> lines = new TreeMap<>();

    private ProductChoices(@Nullable Path file) {
        this.file = file;
    }

    /** For this process alone. */
    public static ProductChoices forgotten() {
        return new ProductChoices(null);
    }

    /**
     * Kept in a file of {@code folder}, which need not exist: one for each GPU, driver, version of the vendor's library and
     * source of our kernels that are compared, since with any of them the fastest may be another.
     */
    public static ProductChoices keptIn(Path folder, Driver driver) {
        List<Program> compared =
                COMPARED.stream().map(file -> Sources.program(file, Map.of())).toList();
        return keptIn(
                folder.resolve(fileName(driver.properties(), driver.products().version(), compared)));
    }

    static String fileName(DeviceProperties gpu, String library, List<Program> compared) {
        String hash = "";
        for (Program each : compared) {
            hash = each.hash(hash);
        }
        String kind = String.join("-", gpu.name(), Integer.toString(gpu.driverVersion()), library);
        return "product-choices-" + kind.replaceAll("[^A-Za-z0-9]+", "-") + "-" + hash + ".txt";
    }

    /** Kept in {@code file}, which need not exist. */
    static ProductChoices keptIn(Path file) {
        var choices = new ProductChoices(file);
        choices.read(file);
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
            ProductChoice choice = ProductChoice.valueOf(f[5]);
            if (known.putIfAbsent(key, choice) == null) {
                lines.put(key.text(), line);
            }
        } catch (IllegalArgumentException e) {
            // Measured again.
        }
    }

    private void read(Path from) {
        try {
            Files.readAllLines(from, StandardCharsets.UTF_8).forEach(this::read);
        } catch (IOException e) {
            // Not there or not readable: measured again.
        }
    }

    private void write(Path to) {
        read(to); // what other processes have measured since
        try {
            Path folder = to.toAbsolutePath().getParent();
            Files.createDirectories(folder);
            Path next = Files.createTempFile(folder, "choices", ".new");
            try {
                Files.write(next, lines.values(), StandardCharsets.UTF_8);
                Files.move(next, to, StandardCopyOption.REPLACE_EXISTING, StandardCopyOption.ATOMIC_MOVE);
            } finally {
                Files.deleteIfExists(next);
            }
        } catch (IOException e) {
            // Read-only or full: measured again at the next start.
        }
    }
}
