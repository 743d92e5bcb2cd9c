package espalier.load;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import espalier.base.Tokens;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.nio.charset.StandardCharsets;
import org.junit.jupiter.api.Test;

class HttpTargetTest {
    private static final Workload.Item ITEM = new Workload.Item(Tokens.of(3, 5), 1);

    private static final String ANSWER = """
            HTTP/1.1 200 OK\r
            content-type: text/event-stream\r
            connection: close\r
            \r
            data: {"choices":[{"text":"a"}]}

            data: [DONE]

            """;

    @Test
    void aConnectionThatIsClosedBeforeAnAnswerIsNoFailure() throws Exception {
        Outcome outcome = served("", ANSWER);
        assertThat(outcome.error()).isNull();
        assertThat(outcome.outputTokens()).isEqualTo(1);
    }

    @Test
    void aServerThatNeverAnswersFailsTheRequest() throws Exception {
        assertThat(served("", "", "").error()).isNotNull();
    }

    @Test
    void anAnswerThatHasBegunIsNotAskedForAgain() throws Exception {
        assertThat(served("HTTP/1.1 200 OK\r\ncontent-length: 99\r\n\r\ndata: {", ANSWER)
                        .error())
                .isNotNull();
    }

    @Test
    void requestsNameTheModelThatTheServerListsFirst() throws Exception {
        assertThat(listed("HTTP/1.1 200 OK\r\nconnection: close\r\n\r\n{\"data\":[{\"id\":\"org/a\"},{\"id\":\"b\"}]}"))
                .isEqualTo("org/a");
        assertThat(listed("HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"))
                .isEqualTo("default");
    }

    @Test
    void anAnswerThatIsNotJsonIsToldInOneLineWithItsBeginningAndTheWayOut() {
        String page = "HTTP/1.1 200 OK\r\nconnection: close\r\n\r\n\n<html>\n<title>Welcome</title>" + " ".repeat(999);
        assertThatThrownBy(() -> listed(page))
                .isInstanceOf(IOException.class)
                .message()
                .matches(
                        "http://127.0.0.1:\\d+/v1/models answers what is not JSON \\(<html> <title>Welcome</title>\\); .*"
                                + "--base-url.*");
        assertThatThrownBy(() -> listed("what is this?\r\n\r\n"))
                .isInstanceOf(IOException.class)
                .message()
                .matches("GET http://127.0.0.1:\\d+/v1/models: .+");
    }

    @Test
    void aRequestIsNotServedByWhatIsNoStreamOfEventsOrHasOneThatIsNotJson() throws Exception {
        String head = "HTTP/1.1 200 OK\r\nconnection: close\r\n\r\n";
        assertThat(served(head + "<html>" + "x".repeat(99)).error())
                .endsWith("/v1/completions answers no stream of events (<html>" + "x".repeat(54) + "...)");
        assertThat(served(head + "data: <html>\n\n").error())
                .contains("/v1/completions answers what is not JSON (<html>)");
        assertThat(served(head + "data: [DONE]\n\n").error()).isNull();
    }

    private static String listed(String answer) throws Exception {
        Thread server;
        String model;
        try (var socket = new ServerSocket(0, 1, InetAddress.getLoopbackAddress());
                var target = new HttpTarget("http://127.0.0.1:" + socket.getLocalPort(), null, Backend.OPENAI)) {
            server = Thread.ofVirtual().start(() -> answer(socket, answer));
            model = target.firstModel();
        }
        server.join();
        return model;
    }

    /** How a request goes with a server that gives each connection one of the answers and closes it. */
    private static Outcome served(String... answers) throws Exception {
        Thread server;
        Outcome outcome;
        try (var socket = new ServerSocket(0, 1, InetAddress.getLoopbackAddress());
                var target = new HttpTarget("http://127.0.0.1:" + socket.getLocalPort(), null, Backend.OPENAI)) {
            server = Thread.ofVirtual().start(() -> answer(socket, answers));
            outcome = target.serve(ITEM);
        }
        server.join();
        return outcome;
    }

    private static void answer(ServerSocket socket, String... answers) {
        for (String answer : answers) {
            try (Socket connection = socket.accept()) {
                readRequest(connection);
                connection.getOutputStream().write(answer.getBytes(StandardCharsets.UTF_8));
            } catch (IOException closed) {
                return; // the test is over
            }
        }
    }

    private static void readRequest(Socket connection) throws IOException {
        var reader = new BufferedReader(new InputStreamReader(connection.getInputStream(), StandardCharsets.UTF_8));
        int bytes = 0;
        for (String line = reader.readLine(); line != null && !line.isEmpty(); line = reader.readLine()) {
            if (line.toLowerCase(java.util.Locale.ROOT).startsWith("content-length:")) {
                bytes = Integer.parseInt(line.substring(line.indexOf(':') + 1).strip());
            }
        }
        for (int i = 0; i < bytes && reader.read() >= 0; i++) {
            // The body is ASCII: a character a byte.
        }
    }
}
