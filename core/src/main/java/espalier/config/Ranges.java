package espalier.config;

import espalier.api.RequestRejected;
import org.jspecify.annotations.Nullable;

/**
 * What flags may say whatever the model and the machine are, beyond the least number of each: told before a port is tried, a
 * file read or a device opened. A message names the flag, what it takes, and what it got.
 */
public final class Ranges {
    private static final int MOST_PORT = 65_535;

    private Ranges() {}

    /** @throws RequestRejected if a value cannot be */
    public static void require(Options options) {
        OptionReader.requireLeast(options);
        model(options.model());
        cache(options.cache());
        schedule(options.schedule(), options.cache().pageSize());
        server(options.server());
    }

    private static void model(Options.Model model) {
        filled("--model-path", model.modelPath(), "name a model");
        filled("--tokenizer-path", model.tokenizerPath(), "name a tokenizer");
        filled("--served-model-name", model.servedModelName(), "give a name");
    }

    private static void cache(Options.Cache cache) {
        Double share = cache.memFractionStatic();
        if (share != null && !(share > 0 && share < 1)) {
            throw wrong("--mem-fraction-static", "must be greater than 0 and less than 1", share);
        }
    }

    private static void schedule(Options.Schedule schedule, int pageSize) {
        chunk(schedule.chunkedPrefillSize(), pageSize);
        double pace = schedule.decodePace();
        if (!(pace == 0 || pace > 1)) {
            throw wrong("--decode-pace", "must be greater than 1, or 0 for no limit", pace);
        }
        double conservativeness = schedule.scheduleConservativeness();
        if (!(conservativeness >= 0) || Double.isInfinite(conservativeness)) {
            throw wrong("--schedule-conservativeness", "must be at least 0", conservativeness);
        }
    }

    /** The size of a chunk is whole pages; -1 switches chunks off, as SGLang has it. */
    private static void chunk(@Nullable Integer size, int pageSize) {
        if (size == null || size == -1) {
            return;
        }
        if (size < 1) {
            throw wrong("--chunked-prefill-size", "must be at least 1, or -1 to read each prompt in one step", size);
        }
        if (size % pageSize != 0) {
            throw wrong("--chunked-prefill-size", "must be a multiple of --page-size " + pageSize, size);
        }
    }

    private static void server(Options.Server server) {
        filled("--host", server.host(), "give an address");
        filled("--api-key", server.apiKey(), "nobody could show such a key; give one");
        int port = server.port();
        if (port < 0 || port > MOST_PORT) {
            throw wrong("--port", "must be between 0 and " + MOST_PORT, port);
        }
    }

    /** A shell makes nothing of a variable that is not set. */
    private static void filled(String flag, @Nullable String value, String wayOut) {
        if (value != null && value.isBlank()) {
            throw RequestRejected.invalid(flag, flag + " is empty: " + wayOut + ", or leave the flag out");
        }
    }

    private static RequestRejected wrong(String flag, String rule, Object value) {
        return RequestRejected.invalid(flag, flag + " " + rule + ", got " + value);
    }
}
