package espalier.sglang;

import espalier.api.EngineFault;
import espalier.api.Profile;
import espalier.http.Endpoint;
import espalier.http.Exchange;
import espalier.http.JsonObject;
import espalier.http.Reply;
import espalier.serving.JsonBody;
import espalier.serving.Service;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.file.Files;
import java.nio.file.InvalidPathException;
import java.nio.file.Path;
import java.util.Objects;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.atomic.AtomicReference;
import java.util.zip.GZIPOutputStream;
import org.jspecify.annotations.Nullable;

/**
 * {@code /start_profile} and {@code /stop_profile}: when host and device worked on each step, as a file in the trace event
 * format of Chrome, compressed, which Perfetto opens as well. It is written when the profile is stopped, or by itself
 * once {@code num_steps} have passed or it has grown to about 100 MB. A file that cannot be written is told in the log and
 * by the next {@code /stop_profile}.
 */
public final class Profiling {
    private static final System.Logger LOG = System.getLogger(Profiling.class.getName());
    private static final Set<String> ACTIVITIES = Set.of("CPU", "GPU");

    private final Service service;
    private final AtomicReference<@Nullable Open> open = new AtomicReference<>();

    public Profiling(Service service) {
        this.service = service;
    }

    /**
     * A profile under way, and the file that is written at its end.
     *
     * @param profile null once it is written: what it holds is large
     */
    private record Open(Path file, AtomicReference<@Nullable Profile> profile, CompletableFuture<Void> written) {
        static Open of(Profile profile, Path file) {
            var kept = new AtomicReference<@Nullable Profile>(profile);
            return new Open(
                    file,
                    kept,
                    profile.ended()
                            .thenRunAsync(() -> write(profile, file), Thread::startVirtualThread)
                            .whenComplete((_, failure) -> {
                                kept.set(null);
                                if (failure != null) {
                                    LOG.log(System.Logger.Level.ERROR, cause(failure));
                                }
                            }));
        }

        void stop() {
            Profile running = profile.get();
            if (running != null) {
                running.stop();
            }
            try {
                written.join();
            } catch (CompletionException e) {
                throw new EngineFault(EngineFault.Code.RESOURCE, cause(e), e);
            }
        }

        private static String cause(Throwable failure) {
            Throwable cause =
                    failure instanceof CompletionException && failure.getCause() != null ? failure.getCause() : failure;
            return cause instanceof EngineFault known
                    ? known.getMessage()
                    : "the profile could not be written: " + cause;
        }
    }

    /** Takes {@code output_dir}, {@code start_step}, {@code num_steps}, {@code profile_id} and {@code profile_prefix}. */
    public Endpoint start() {
        return this::begin;
    }

    public Endpoint stop() {
        return this::end;
    }

    private void begin(Exchange exchange) {
        byte[] body = exchange.incoming().body();
        JsonObject fields = body.length == 0 ? JsonObject.of(java.util.Map.of(), "") : JsonBody.read(exchange);
        refuseUnbuilt(fields);
        Path file = file(fields);
        Profile profile = service.engine().engine().profile(steps(fields));
        open.set(Open.of(profile, file));
        exchange.reply(Reply.text(200, "Start profiling.\nThe trace will be in " + file + "\n"));
    }

    private void end(Exchange exchange) {
        Open ending = open.getAndSet(null);
        if (ending == null) {
            throw JsonObject.malformed("Profiling is not in progress. Call /start_profile first.");
        }
        ending.stop();
        exchange.reply(
                Reply.text(200, "Stop profiling. This will take some time.\nThe trace is in " + ending.file() + "\n"));
    }

    /** Stacks and shapes, which clients ask for without looking, are Python's; other things are not written. */
    private static void refuseUnbuilt(JsonObject fields) {
        for (String activity : fields.strings("activities")) {
            if (!ACTIVITIES.contains(activity)) {
                throw JsonObject.malformed(
                        "activities takes CPU and GPU, which are both written; got '" + activity + "'");
            }
        }
        if (fields.isTrue("profile_by_stage")) {
            throw JsonObject.malformed(
                    "profile_by_stage is not built: each step tells what it holds; leave the field out");
        }
    }

    private static Profile.Steps steps(JsonObject fields) {
        Long first = fields.longInteger("start_step");
        Long count = fields.longInteger("num_steps");
        return new Profile.Steps(first == null ? 0 : first, count == null ? Long.MAX_VALUE : count);
    }

    private static Path file(JsonObject fields) {
        String folder = fields.string("output_dir");
        Object id = fields.raw("profile_id");
        String prefix = Objects.requireNonNullElse(fields.string("profile_prefix"), "");
        String name = (prefix.isEmpty() ? "" : prefix + "-") + (id == null ? System.currentTimeMillis() : id);
        if (!name.matches("[\\w.-]+")) {
            throw JsonObject.malformed(
                    "profile_prefix and profile_id are parts of a file's name: letters, digits, '.', '_' and '-'");
        }
        try {
            Path made = folder == null
                    ? Files.createTempDirectory("espalier-profile")
                    : Files.createDirectories(Path.of(folder));
            if (!Files.isWritable(made)) {
                throw JsonObject.malformed("output_dir: " + made + " cannot be written to; choose another");
            }
            return made.resolve(name + "-TP-0.trace.json.gz");
        } catch (IOException | InvalidPathException e) {
            throw JsonObject.malformed("output_dir: no folder " + folder + " can be made: " + e);
        }
    }

    private static void write(Profile profile, Path file) {
        try (OutputStream out = new GZIPOutputStream(Files.newOutputStream(file), 1 << 16)) {
            profile.write(out);
        } catch (IOException e) {
            throw new EngineFault(
                    EngineFault.Code.RESOURCE,
                    "the profile could not be written to " + file + ": " + e + "; choose another output_dir",
                    e);
        }
        LOG.log(System.Logger.Level.INFO, "Profiling done. Traces are saved to: " + file);
    }
}
