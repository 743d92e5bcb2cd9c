package espalier.cuda.kernel;

import espalier.cuda.driver.Arguments;
import espalier.cuda.driver.Driver;
import espalier.cuda.driver.Launch;
import espalier.cuda.driver.Program;
import espalier.cuda.driver.Stream;
import java.util.Map;

/** Single numbers into a table of numbers: {@code scatter.cu}. */
public final class PageScatter {
    private static final int THREADS = 256;

    private final Driver driver;
    private final Program program = Sources.program("scatter.cu", Map.of());

    public PageScatter(Driver driver) {
        this.driver = driver;
    }

    /** {@code table[at[i]] = values[i]} for the first {@code count}; device addresses of I32, places differ. */
    public void launch(Stream stream, long values, long at, long table, int count) {
        driver.launch(
                stream,
                driver.kernel(program, "scatter"),
                Launch.of(Math.ceilDiv(count, THREADS), THREADS),
                Arguments.of().pointer(values).pointer(at).pointer(table).int32(count));
    }
}
