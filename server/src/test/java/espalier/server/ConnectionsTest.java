package espalier.server;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import espalier.api.Emission.FinishReason;
import espalier.api.EngineFault;
import espalier.api.RequestRejected;
import espalier.http.ApiKeys;
import espalier.http.ListenerOptions;
import java.net.http.HttpResponse;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** What happens on the wire: clients that leave, that read slowly, that send ahead, that are many. */
class ConnectionsTest {
    private static final String CHAT = "/v1/chat/completions";
    private static final String STREAM = "{\"messages\":[{\"role\":\"user\",\"content\":\"x\"}],\"stream\":true}";
    private static final String WHOLE = "{\"messages\":[{\"role\":\"user\",\"content\":\"x\"}]}";
    private Fixture fixture;

    @BeforeEach
    void start() {
        fixture = new Fixture(Fixture.options());
    }

    @AfterEach
    void stop() {
        fixture.close();
    }

    @Test
    void aClientThatLeavesWhileItsRequestWaitsIsNoticedAtOnce() throws Exception {
        fixture.engine.script = FakeEngine.SILENT;
        for (String body : List.of(WHOLE, STREAM)) {
            try (var wire = new Wire(fixture.server.port())) {
                wire.send(Wire.post(CHAT, body));
                FakeCompletion waiting = fixture.started();
                wire.cut();
                assertThat(waiting.cancelled.await(1, TimeUnit.SECONDS)).isTrue();
            }
        }
    }

    @Test
    void aClientThatLeavesMayComeBackUnderTheSameNameAtOnce() throws Exception {
        String named = WHOLE.replace("{\"mess", "{\"rid\":\"x\",\"mess");
        fixture.engine.script = c -> c.busy = true;
        FakeCompletion first;
        try (var wire = new Wire(fixture.server.port())) {
            wire.send(Wire.post(CHAT, named));
            first = fixture.started();
            wire.cut();
            assertThat(first.cancelled.await(10, TimeUnit.SECONDS)).isTrue();
        }
        fixture.engine.script = FakeEngine.HELLO;
        assertThat(fixture.post(CHAT, named).statusCode()).isEqualTo(200);
        first.finish(0, FinishReason.ABORT, null);
    }

    @Test
    void aClientThatLeavesABatchCancelsAllOfIt() throws Exception {
        fixture.engine.script = FakeEngine.SILENT;
        try (var wire = new Wire(fixture.server.port())) {
            wire.send(Wire.post("/v1/completions", "{\"prompt\":[\"a\",\"b\",\"c\"],\"n\":2}"));
            var all = List.of(fixture.started(), fixture.started(), fixture.started());
            wire.cut();
            for (FakeCompletion each : all) {
                assertThat(each.cancelled.await(1, TimeUnit.SECONDS)).isTrue();
            }
        }
    }

    @Test
    void aClientThatLeavesInTheMiddleOfAStreamIsNoticedAtOnce() throws Exception {
        fixture.engine.script = c -> c.say(0, 1, "first");
        try (var wire = new Wire(fixture.server.port())) {
            wire.send(Wire.post(CHAT, STREAM));
            wire.readTo("first");
            FakeCompletion streaming = fixture.started();
            wire.cut();
            assertThat(streaming.cancelled.await(1, TimeUnit.SECONDS)).isTrue();
        }
        fixture.engine.script = FakeEngine.HELLO;
        assertThat(fixture.post(CHAT, WHOLE).statusCode()).isEqualTo(200);
    }

    @Test
    void aRequestThatIsCutInItsBodyNeverReachesTheEngine() throws Exception {
        try (var wire = new Wire(fixture.server.port())) {
            wire.send(Wire.post(CHAT, WHOLE).substring(0, 120));
            wire.cut();
        }
        assertThat(fixture.post(CHAT, WHOLE).statusCode()).isEqualTo(200);
        fixture.started();
        assertThat(fixture.engine.started).isEmpty();
    }

    @Test
    void aSlowReaderHoldsBackItsOwnStreamAlone() throws Exception {
        var said = new AtomicLong();
        String kilobyte = "x".repeat(1024);
        int most = 64 * 1024;
        fixture.engine.script = c -> {
            for (int i = 0; i < most; i++) {
                c.say(0, 1, kilobyte);
                said.incrementAndGet();
            }
            c.finish(0, FinishReason.LENGTH, null);
        };
        try (var slow = new Wire(fixture.server.port())) {
            slow.send(Wire.post(CHAT, STREAM));
            slow.readTo("xxx");
            // The engine's side is never held back: it has said everything although nobody reads.
            FakeCompletion started = fixture.started();
            assertThat(started.ended.await(20, TimeUnit.SECONDS)).isTrue();
            assertThat(said.get()).isEqualTo(most);
            // And others are answered meanwhile.
            fixture.engine.script = FakeEngine.HELLO;
            assertThat(fixture.post(CHAT, STREAM).body()).contains("wörld");
            assertThat(started.unread())
                    .as("what waits in the engine, not in the socket")
                    .isGreaterThan(most / 2);
        }
    }

    @Test
    void aReaderThatStopsForTooLongIsCancelled() throws Exception {
        try (var other = with(Fixture.options().listener().limits().withWritePatience(Duration.ofMillis(50)))) {
            other.engine.script = c -> {
                for (int i = 0; i < 32; i++) {
                    c.say(0, 1, "x".repeat(1 << 20));
                }
            };
            try (var wire = new Wire(other.server.port())) {
                wire.send(Wire.post(CHAT, STREAM));
                wire.readTo("xxx");
                assertThat(other.started().cancelled.await(20, TimeUnit.SECONDS))
                        .isTrue();
            }
        }
    }

    @Test
    void aBodyIsNotAwaitedFromWhoHasNoKey() throws Exception {
        try (var guarded = new Fixture(Fixture.options().with(new ApiKeys("key", null)));
                var wire = new Wire(guarded.server.port())) {
            wire.send("POST " + CHAT + " HTTP/1.1\r\nHost: x\r\nContent-Length: 60000000\r\n\r\n{");
            assertThat(wire.readAnswer()).startsWith("HTTP/1.1 401");
        }
    }

    @Test
    void aBodyThatComesTooSlowlyIsGivenUp() throws Exception {
        try (var hasty = with(Fixture.options().listener().limits().withBodyPatience(Duration.ofMillis(50)));
                var wire = new Wire(hasty.server.port())) {
            wire.send("POST " + CHAT + " HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n{");
            assertThat(wire.readAnswer()).startsWith("HTTP/1.1 408");
            assertThat(wire.isAtEnd()).isTrue();
        }
    }

    @Test
    void bodiesTogetherHaveALimitAndLeaveItWhenTheirRequestsEnd() throws Exception {
        int most = WHOLE.length() + 10;
        try (var small = with(Fixture.options().listener().limits().withAllBodyBytes(most))) {
            small.engine.script = FakeEngine.SILENT;
            try (var first = new Wire(small.server.port())) {
                first.send(Wire.post(CHAT, WHOLE));
                FakeCompletion open = small.started();
                assertThat(small.post(CHAT, WHOLE).statusCode()).isEqualTo(503);
                open.finish(0, FinishReason.STOP, 2);
                assertThat(first.readAnswer()).startsWith("HTTP/1.1 200");
            }
            small.engine.script = FakeEngine.HELLO;
            try (var cut = new Wire(small.server.port())) {
                cut.send(Wire.post(CHAT, WHOLE).substring(0, 130));
            }
            for (int i = 0; i < 3; i++) {
                assertThat(isAccepted(small)).isTrue();
            }
        }
    }

    /** A request's bytes are free a moment after its answer has been read. */
    private static boolean isAccepted(Fixture fixture) throws Exception {
        for (int i = 0; i < 1000; i++) {
            if (fixture.post(CHAT, WHOLE).statusCode() == 200) {
                return true;
            }
        }
        return false;
    }

    private static Fixture with(ListenerOptions.Limits limits) {
        var options = Fixture.options();
        return new Fixture(options.with(options.listener().with(limits)));
    }

    @Test
    void twoHundredStreamsArriveWholeAndInOrder() throws Exception {
        int streams = 200;
        int tokens = 50;
        var go = new CountDownLatch(streams);
        fixture.engine.script = c -> {
            go.countDown();
            await(go);
            for (int i = 0; i < tokens; i++) {
                c.say(0, i, c.rid() + ":" + i + ",");
                Thread.yield();
            }
            c.finish(0, FinishReason.LENGTH, null);
        };
        try (var executor = Executors.newVirtualThreadPerTaskExecutor()) {
            var answers = new ArrayList<Future<String>>();
            for (int s = 0; s < streams; s++) {
                String rid = "r" + s;
                answers.add(executor.submit(() -> {
                    try (var wire = new Wire(fixture.server.port())) {
                        wire.send(Wire.post(CHAT, STREAM.replace("{\"mess", "{\"rid\":\"" + rid + "\",\"mess")));
                        return wire.readTo("data: [DONE]\n\n");
                    }
                }));
            }
            for (int s = 0; s < streams; s++) {
                String body = answers.get(s).get(60, TimeUnit.SECONDS);
                int at = 0;
                for (int i = 0; i < tokens; i++) {
                    at = body.indexOf("\"r" + s + ":" + i + ",\"", at);
                    assertThat(at).as("token %d of stream %d", i, s).isPositive();
                }
                assertThat(body).endsWith("data: [DONE]\n\n");
            }
        }
    }

    @Test
    void aConnectionIsKeptAndAnswersComeInTheOrderOfTheRequests() throws Exception {
        fixture.engine.script = c -> {
            c.say(0, 1, "I am " + c.rid());
            c.finish(0, FinishReason.STOP, 2);
        };
        try (var wire = new Wire(fixture.server.port())) {
            String first = WHOLE.replace("{\"mess", "{\"rid\":\"one\",\"mess");
            String second = WHOLE.replace("{\"mess", "{\"rid\":\"two\",\"mess");
            wire.send(Wire.post(CHAT, first) + Wire.post(CHAT, second) + "GET /ping HTTP/1.1\r\nHost: x\r\n\r\n");
            assertThat(wire.readAnswer()).contains("I am one");
            assertThat(wire.readAnswer()).contains("I am two");
            assertThat(wire.readAnswer()).startsWith("HTTP/1.1 200 OK");
            wire.send(Wire.post(CHAT, first));
            assertThat(wire.readAnswer()).contains("I am one");
        }
    }

    @Test
    void aClientThatSentAheadAndLeftIsCancelledToo() throws Exception {
        fixture.engine.script = FakeEngine.SILENT;
        try (var wire = new Wire(fixture.server.port())) {
            wire.send(Wire.post(CHAT, WHOLE) + Wire.post(CHAT, WHOLE));
            FakeCompletion first = fixture.started();
            wire.cut();
            assertThat(first.cancelled.await(1, TimeUnit.SECONDS)).isTrue();
        }
    }

    @Test
    void connectionCloseAndOldClientsGetTheirAnswerAndTheEnd() throws Exception {
        try (var wire = new Wire(fixture.server.port())) {
            wire.send(Wire.post(CHAT, STREAM, "Connection: close"));
            assertThat(wire.readTo("[DONE]\n\n")).contains("transfer-encoding: chunked");
            assertThat(wire.readTo("0\r\n\r\n")).endsWith("0\r\n\r\n");
            assertThat(wire.isAtEnd()).isTrue();
        }
        try (var wire = new Wire(fixture.server.port())) {
            wire.send(Wire.post(CHAT, WHOLE).replace("HTTP/1.1", "HTTP/1.0"));
            assertThat(wire.readAnswer()).contains("wörld");
            assertThat(wire.isAtEnd()).isTrue();
        }
    }

    @Test
    void expectContinueIsAnswered() throws Exception {
        try (var wire = new Wire(fixture.server.port())) {
            String request = Wire.post(CHAT, WHOLE, "Expect: 100-continue");
            int body = request.indexOf("\r\n\r\n") + 4;
            wire.send(request.substring(0, body));
            assertThat(wire.readTo("\r\n\r\n")).startsWith("HTTP/1.1 100 Continue");
            wire.send(request.substring(body));
            assertThat(wire.readAnswer()).contains("wörld");
        }
    }

    @Test
    void whatIsNotHttpIsRefused() throws Exception {
        try (var wire = new Wire(fixture.server.port())) {
            wire.send("hello there\r\n\r\n");
            assertThat(wire.readTo("\r\n")).contains(" 400 Bad Request");
        }
        assertThat(fixture.get("/ping").statusCode()).isEqualTo(200);
    }

    @Test
    void itIsReadyOnlyAfterAWarmUpThatARefusalMaySkipButAFaultMayNot() throws Exception {
        var options = ServerOptions.local(0);
        var engine = new FakeEngine();
        Server.start(options, engine).close();
        assertThat(engine.started.take().request.rid()).startsWith("WARMUP");

        engine.refusal = RequestRejected.invalid("prompt", "too long");
        Server.start(options, engine).close();

        engine.refusal = null;
        engine.script = c -> c.fail(0, new EngineFault(EngineFault.Code.DEVICE, "lost"));
        assertThatThrownBy(() -> Server.start(options, engine)).hasMessage("lost");
    }

    @Test
    void aPortInUseIsNamedWithTheWayOut() {
        int port = fixture.server.port();
        var options = ServerOptions.local(port).with(ServerOptions.Warmup.SKIP);
        assertThatThrownBy(() -> Server.start(options, fixture.engine))
                .isInstanceOfSatisfying(
                        EngineFault.class, fault -> assertThat(fault.code()).isEqualTo(EngineFault.Code.RESOURCE))
                .hasMessageContaining("port " + port + " of 127.0.0.1 is in use")
                .hasMessageContaining("--port");
    }

    @Test
    void whileItShutsDownProbesFailNothingIsAcceptedAndOpenRequestsFinish() throws Exception {
        var other = new Fixture(ServerOptions.local(0));
        other.engine.script = c -> c.say(0, 1, "begun");
        try (var wire = new Wire(other.server.port())) {
            wire.send(Wire.post(CHAT, STREAM));
            wire.readTo("begun");
            var closing = Thread.ofVirtual().start(other.server::close);
            HttpResponse<String> health = other.get("/health");
            while (health.statusCode() == 200) {
                health = other.get("/health");
            }
            assertThat(health.statusCode()).isEqualTo(503);
            HttpResponse<String> refused = other.post(CHAT, WHOLE);
            assertThat(refused.statusCode()).isEqualTo(503);
            assertThat(refused.body()).contains("The server is shutting down");

            FakeCompletion open = other.started();
            open.say(0, 2, " and ended");
            open.finish(0, FinishReason.STOP, 2);
            assertThat(wire.readTo("[DONE]\n\n")).contains(" and ended").contains("\"finish_reason\":\"stop\"");
            closing.join();
            assertThatThrownBy(() -> new Wire(other.server.port())).isInstanceOf(java.net.ConnectException.class);
        }
    }

    @Test
    void whatIsStillOpenWhenPatienceEndsFailsWith503() throws Exception {
        fixture.engine.script = FakeEngine.SILENT;
        try (var whole = new Wire(fixture.server.port());
                var stream = new Wire(fixture.server.port())) {
            whole.send(Wire.post(CHAT, WHOLE));
            fixture.started();
            stream.send(Wire.post(CHAT, STREAM));
            FakeCompletion streaming = fixture.started();
            streaming.say(0, 1, "begun");
            stream.readTo("begun");
            fixture.server.close();
            assertThat(whole.readAnswer())
                    .startsWith("HTTP/1.1 503")
                    .contains("\"message\":\"The server is shutting down\"");
            assertThat(stream.readTo("[DONE]\n\n")).contains("\"code\":503}}");
        }
    }

    private static void await(CountDownLatch latch) {
        try {
            latch.await();
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }
}
