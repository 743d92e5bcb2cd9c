package espalier.server;

import java.io.BufferedInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.net.Socket;
import java.nio.charset.StandardCharsets;

/** A connection on which a test writes the bytes itself. */
final class Wire implements AutoCloseable {
    private static final int PATIENCE_MILLIS = 20_000;

    private final Socket socket;
    private final InputStream in;

    Wire(int port) throws IOException {
        socket = new Socket("127.0.0.1", port);
        socket.setSoTimeout(PATIENCE_MILLIS);
        in = new BufferedInputStream(socket.getInputStream());
    }

    static String post(String path, String json, String... headers) {
        int length = json.getBytes(StandardCharsets.UTF_8).length;
        String more = headers.length == 0 ? "" : String.join("\r\n", headers) + "\r\n";
        return "POST " + path + " HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n" + more + "Content-Length: "
                + length + "\r\n\r\n" + json;
    }

    void send(String text) throws IOException {
        socket.getOutputStream().write(text.getBytes(StandardCharsets.UTF_8));
        socket.getOutputStream().flush();
    }

    /** Everything up to and with {@code end}, or to the end of the connection. */
    String readTo(String end) throws IOException {
        var read = new ByteArrayOutputStream();
        byte last = (byte) end.charAt(end.length() - 1);
        for (int b = in.read(); b >= 0; b = in.read()) {
            read.write(b);
            if (b == last && read.toString(StandardCharsets.UTF_8).endsWith(end)) {
                break;
            }
        }
        return read.toString(StandardCharsets.UTF_8);
    }

    /** Reads an answer with a known length: its head, and its body. */
    String readAnswer() throws IOException {
        String head = readTo("\r\n\r\n");
        String length = head.toLowerCase(java.util.Locale.ROOT)
                .split("content-length: ")[1]
                .split("\r\n")[0];
        return head + new String(in.readNBytes(Integer.parseInt(length)), StandardCharsets.UTF_8);
    }

    boolean isAtEnd() throws IOException {
        return in.read() < 0;
    }

    /** Goes away in the middle, as a client that is killed does. */
    void cut() throws IOException {
        socket.close();
    }

    @Override
    public void close() throws IOException {
        socket.close();
    }
}
