package espalier.http;

/**
 * Where and how to listen.
 *
 * @param port 0 for any free one
 * @param maxBodyBytes a longer body is refused with 413
 * @param eventLoops threads that read and write sockets; where the port is 0, there is one
 */
public record ListenerOptions(String host, int port, long maxBodyBytes, int eventLoops) {}
