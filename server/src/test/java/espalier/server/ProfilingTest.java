package espalier.server;

import static org.assertj.core.api.Assertions.assertThat;

import java.net.http.HttpResponse;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import java.util.logging.Handler;
import java.util.logging.Level;
import java.util.logging.LogRecord;
import java.util.logging.Logger;
import java.util.zip.GZIPInputStream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class ProfilingTest {
    private final Fixture fixture = new Fixture(Fixture.options());

    @AfterEach
    void stop() {
        fixture.close();
    }

    @Test
    void aProfileIsWrittenWhereItWasAskedForWhenItIsStopped(@TempDir Path folder) throws Exception {
        String body = "{\"output_dir\":\"" + folder.resolve("new") + "\",\"start_step\":3,\"num_steps\":5,"
                + "\"activities\":[\"CPU\",\"GPU\"],\"with_stack\":true,\"profile_prefix\":\"a\",\"profile_id\":\"7\"}";
        assertThat(fixture.get("/stop_profile").statusCode()).isEqualTo(400);
        Path file = folder.resolve("new/a-7-TP-0.trace.json.gz");
        assertThat(fixture.post("/start_profile", body).body())
                .isEqualTo("Start profiling.\nThe trace will be in " + file + "\n");
        assertThat(fixture.post("/stop_profile", "").body())
                .startsWith("Stop profiling.")
                .endsWith("The trace is in " + file + "\n");
        try (var in = new GZIPInputStream(Files.newInputStream(file))) {
            assertThat(Fixture.JSON.readTree(in.readAllBytes()).path("asked").asString())
                    .isEqualTo("Steps[first=3, count=5]");
        }
        assertThat(fixture.post("/stop_profile", "").statusCode()).isEqualTo(400);
    }

    @Test
    void aProfileThatEndsByItselfAndCannotBeWrittenIsLoggedAndAnsweredByTheNextStop(@TempDir Path folder)
            throws Exception {
        Path file = Files.createDirectory(folder.resolve("7-TP-0.trace.json.gz")); // in the file's place
        var logged = new LinkedBlockingQueue<LogRecord>();
        var listener = new Handler() {
            @Override
            public void publish(LogRecord line) {
                logged.add(line);
            }

            @Override
            public void flush() {}

            @Override
            public void close() {}
        };
        Logger log = Logger.getLogger("espalier.sglang.Profiling");
        log.setLevel(Level.SEVERE); // tests are silent else
        log.setUseParentHandlers(false);
        log.addHandler(listener);
        try {
            fixture.post("/start_profile", "{\"output_dir\":\"" + folder + "\",\"num_steps\":1,\"profile_id\":\"7\"}");
            fixture.engine.profiles.getLast().stop(); // as an engine does once it has made its steps
            LogRecord line = logged.poll(10, TimeUnit.SECONDS);
            assertThat(line).isNotNull();
            assertThat(line.getLevel()).isEqualTo(Level.SEVERE);
            assertThat(line.getMessage()).contains("could not be written to " + file, "output_dir");
            HttpResponse<String> stop = fixture.post("/stop_profile", "");
            assertThat(stop.statusCode()).isEqualTo(500);
            assertThat(stop.body()).contains("could not be written to " + file);
            assertThat(fixture.post("/stop_profile", "").statusCode()).isEqualTo(400);
        } finally {
            log.removeHandler(listener);
            log.setUseParentHandlers(true);
            log.setLevel(null);
        }
    }

    @Test
    void aProfileThatCannotBeIsRefused(@TempDir Path folder) throws Exception {
        Path file = Files.writeString(folder.resolve("file"), "");
        for (String body : List.of(
                "{\"activities\":[\"MEM\"]}",
                "{\"num_steps\":0}",
                "{\"start_step\":-1}",
                "{\"profile_by_stage\":true}",
                "{\"profile_id\":\"../up\"}",
                "{\"output_dir\":\"" + file + "\"}")) {
            assertThat(fixture.post("/start_profile", body).statusCode())
                    .as(body)
                    .isEqualTo(400);
        }
    }
}
