package espalier.http;

import espalier.api.EngineFault;
import io.vertx.core.Context;
import io.vertx.core.DeploymentOptions;
import io.vertx.core.Future;
import io.vertx.core.Vertx;
import io.vertx.core.VertxOptions;
import io.vertx.core.buffer.Buffer;
import io.vertx.core.file.FileSystemOptions;
import io.vertx.core.http.HttpServerOptions;
import io.vertx.core.http.HttpServerRequest;
import io.vertx.core.http.HttpServerResponse;
import io.vertx.core.http.HttpVersion;
import java.lang.System.Logger.Level;
import java.net.BindException;
import java.time.Duration;
import java.util.HashMap;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.concurrent.atomic.AtomicLong;

/**
 * Listens on a socket and gives every request, once it has been read whole, to an {@link Endpoint} on a virtual thread
 * of its own. What can be refused on the head alone is refused before its body is kept. All that is known of Vert.x is known here.
 *
 * <p>Event-loop threads alone touch Vert.x: an endpoint's bytes are collected in its {@link Outflow} and handed over in
 * one piece, so tokens that come faster than the loop runs share a packet. Vert.x is used because it reports at once
 * that a client has gone, also while nothing is being written; one that closes its own side alone counts as gone.
 */
public final class HttpListener implements AutoCloseable {
    private static final System.Logger LOG = System.getLogger("espalier.http");
    private static final System.Logger ACCESS = System.getLogger("espalier.http.access");

    /** Bytes that an endpoint may be ahead of its client. */
    private static final int MOST_UNSENT_BYTES = 64 << 10;

    /** Methods whose requests mean nothing by a body. */
    private static final Set<String> NO_BODY = Set.of("GET", "HEAD");

    private static final long NO_TIMER = -1;

    private static final int MOST_HEADER_BYTES = 64 << 10;

    private final ListenerOptions options;
    private final Endpoint root;
    private final Vertx vertx;
    private final AtomicLong bodyBytes = new AtomicLong();
    private final OpenExchanges<Call> open = new OpenExchanges<>();
    private volatile int port;

    private HttpListener(ListenerOptions options, Endpoint root) {
        this.options = options;
        this.root = root;
        this.vertx = Vertx.vertx(new VertxOptions()
                .setEventLoopPoolSize(options.eventLoops())
                .setBlockedThreadCheckInterval(1) // a check wakes every loop, of an idle server too
                .setBlockedThreadCheckIntervalUnit(TimeUnit.MINUTES)
                .setFileSystemOptions(
                        new FileSystemOptions().setFileCachingEnabled(false).setClassPathResolvingEnabled(false)));
    }

    /** Listens, or throws an {@link EngineFault} when the address cannot be had. */
    public static HttpListener start(ListenerOptions options, Endpoint root) {
        var listener = new HttpListener(options, root);
        try {
            listener.listen();
            return listener;
        } catch (RuntimeException e) {
            listener.close();
            throw e;
        }
    }

    public int port() {
        return port;
    }

    /** Waits until no request is being answered; false when that took longer than {@code most}. */
    public boolean awaitIdle(Duration most) throws InterruptedException {
        return open.awaitNone(most);
    }

    /** Cancels what is being answered. */
    public void cancelOpen() {
        open.all().forEach(c -> c.cancel(Exchange.Cancellation.SHUTDOWN));
    }

    /** Stops listening and cuts the connections that are left. */
    @Override
    public void close() {
        try {
            vertx.close().await(5, TimeUnit.SECONDS);
        } catch (TimeoutException e) {
            LOG.log(Level.WARNING, "connections were still closing after 5 s", e);
        }
    }

    private void listen() {
        var http = new HttpServerOptions()
                .setHost(options.host())
                .setPort(options.port())
                .setAcceptBacklog(1024)
                .setHttp2ClearTextEnabled(false)
                .setHandle100ContinueAutomatically(true)
                .setMaxHeaderSize(MOST_HEADER_BYTES);
        // Several loops share a port that is known; each would find a free one of its own.
        int loops = options.port() == 0 ? 1 : options.eventLoops();
        try {
            vertx.deployVerticle(() -> _ -> bind(http), new DeploymentOptions().setInstances(loops))
                    .await();
        } catch (RuntimeException e) {
            throw new EngineFault(EngineFault.Code.RESOURCE, cannotListen(e), e);
        } catch (Exception e) { // await passes on what the socket threw, declared or not
            throw new EngineFault(EngineFault.Code.RESOURCE, cannotListen(e), e);
        }
    }

    private Future<?> bind(HttpServerOptions http) {
        return vertx.createHttpServer(http)
                .requestHandler(this::accept)
                .listen()
                .onSuccess(server -> port = server.actualPort());
    }

    private String cannotListen(Throwable cause) {
        for (Throwable c = cause; c != null; c = c.getCause()) {
            if (c instanceof BindException && String.valueOf(c.getMessage()).contains("in use")) {
                return "port " + options.port() + " of " + options.host()
                        + " is in use; stop the program that holds it, or choose another one with --port";
            }
        }
        return "cannot listen on " + options.host() + ":" + options.port() + ": " + cause.getMessage()
                + "; choose another address with --host and --port";
    }

    private void accept(HttpServerRequest request) {
        new Call(request, vertx.getOrCreateContext()).accept();
    }

    /** One request and its answer. */
    private final class Call implements Exchange, ByteStream {
        private final HttpServerRequest request;
        private final HttpServerResponse response;
        private final Context loop;
        private final Body body = new Body(options.limits(), bodyBytes);
        private final Outflow outflow =
                new Outflow(MOST_UNSENT_BYTES, options.limits().writePatience());
        private final Lifeline lifeline = new Lifeline();
        private Incoming incoming;
        private long bodyTimer = NO_TIMER;
        private volatile boolean answered;

        Call(HttpServerRequest request, Context loop) {
            this.request = request;
            this.response = request.response();
            this.loop = loop;
            this.incoming = head();
        }

        // ---- on the event loop ----

        void accept() {
            request.exceptionHandler(this::cutShort);
            Reply early = root.atHead(incoming);
            long declared = incoming.declaredBytes();
            if (declared > 0 || incoming.header("transfer-encoding") != null) {
                long most = Math.max(1, options.limits().bodyPatience().toMillis());
                bodyTimer = vertx.setTimer(most, _ -> bodyIsLate());
            }
            if (early != null) {
                refuse(early);
            } else if (declared > options.limits().bodyBytes()) {
                refuse(tooLong());
            } else if (NO_BODY.contains(incoming.method())) {
                request.handler(_ -> {}).endHandler(_ -> start());
            } else {
                request.handler(this::receive).endHandler(_ -> start());
            }
        }

        private void receive(Buffer part) {
            switch (body.add(part.getBytes())) {
                case TAKEN -> {}
                case TOO_LONG -> refuse(tooLong());
                case TOO_MUCH -> refuse(last(503, "Too many request bodies are waiting; try again later"));
            }
        }

        private Reply tooLong() {
            long most = options.limits().bodyBytes();
            return last(413, "Request body too large: at most " + most + " bytes are accepted");
        }

        private Reply last(int status, String message) {
            return ErrorReply.to(incoming.path(), status, message).with(Map.of("connection", "close"));
        }

        /** Answers at once, and reads on to the body's end so that the client comes to see the answer. */
        private void refuse(Reply reply) {
            body.release();
            request.handler(_ -> {}).endHandler(_ -> vertx.cancelTimer(bodyTimer));
            send(reply);
        }

        private void bodyIsLate() {
            if (!response.ended()) {
                refuse(last(
                        408,
                        "The request body took more than " + options.limits().bodyPatience() + " to arrive"));
            }
            request.connection().close();
        }

        private void cutShort(Throwable cause) {
            vertx.cancelTimer(bodyTimer);
            body.release();
            LOG.log(Level.DEBUG, "a request was cut short", cause);
        }

        private void start() {
            vertx.cancelTimer(bodyTimer);
            open.add(this);
            response.closeHandler(_ -> cancel(Cancellation.CLIENT_GONE));
            Thread.ofVirtual().name("http").start(this::run);
        }

        private Incoming head() {
            var headers = new HashMap<String, String>();
            for (Map.Entry<String, String> h : request.headers()) {
                headers.put(h.getKey().toLowerCase(Locale.ROOT), h.getValue());
            }
            return new Incoming(
                    request.method().name(),
                    Incoming.decodedPath(String.valueOf(request.path())),
                    request.query() == null ? "" : request.query(),
                    headers,
                    new byte[0],
                    peer());
        }

        private String peer() {
            var peer = request.remoteAddress();
            return peer == null ? "-" : peer.host() + ":" + peer.port();
        }

        private void head(int status, String contentType) {
            response.setStatusCode(status).putHeader("content-type", contentType);
            if (request.getHeader("origin") != null) {
                response.putHeader("access-control-allow-origin", "*");
            }
            if (ACCESS.isLoggable(Level.INFO)) {
                String version = request.version() == HttpVersion.HTTP_1_0 ? "HTTP/1.0" : "HTTP/1.1";
                var line = new AccessLine(peer(), request.method().name(), request.uri(), version);
                ACCESS.log(Level.INFO, line.text(status, response.getStatusMessage()));
            }
        }

        private void send(Reply reply) {
            if (!response.closed()) {
                head(reply.status(), reply.contentType());
                reply.headers().forEach(response::putHeader);
                response.end(Buffer.buffer(reply.body())).onComplete(_ -> sent());
            }
        }

        private void flush() {
            byte[] part = outflow.take();
            if (part.length > 0 && !response.closed()) {
                response.write(Buffer.buffer(part)).onComplete(_ -> outflow.sent(part.length));
            }
        }

        private void finish() {
            flush();
            if (!response.closed()) {
                response.end().onComplete(_ -> sent());
            }
        }

        private void sent() {
            lifeline.sent();
            leaveIfOver();
        }

        // ---- on the endpoint's thread ----

        private void run() {
            try {
                incoming = incoming.with(body.take());
                root.serve(this);
                if (!answered) {
                    throw new IllegalStateException("the endpoint did not answer");
                }
            } catch (InterruptedException _) {
                cut();
            } catch (Throwable e) { // the top of this thread
                LOG.log(Level.ERROR, request.path() + " failed", e);
                if (answered) {
                    cut();
                } else {
                    reply(ErrorReply.unexpected(incoming.path(), e));
                }
            } finally {
                lifeline.served();
                leaveIfOver();
            }
        }

        private void cut() {
            loop.runOnContext(_ -> request.connection().close());
        }

        @Override
        public Incoming incoming() {
            return incoming;
        }

        @Override
        public void reply(Reply reply) {
            answer();
            loop.runOnContext(_ -> send(reply));
        }

        @Override
        public ByteStream stream(String contentType) {
            answer();
            loop.runOnContext(_ -> {
                if (!response.closed()) {
                    head(200, contentType);
                    response.putHeader("cache-control", "no-cache").setChunked(true);
                }
            });
            return this;
        }

        private void answer() {
            if (answered) {
                throw new IllegalStateException("answered twice");
            }
            answered = true;
        }

        @Override
        public boolean isAnswered() {
            return answered;
        }

        @Override
        public void write(byte[] bytes, int length) throws InterruptedException {
            switch (outflow.put(bytes, length)) {
                case ANNOUNCE -> loop.runOnContext(_ -> flush());
                case STALLED -> giveUp();
                case ANNOUNCED, DROPPED -> {}
            }
        }

        /** The client reads no more; its connection ends when it takes the rest, or when it ends it itself. */
        private void giveUp() {
            LOG.log(Level.INFO, peer() + " has read nothing for too long; its request is cancelled");
            cancel(Cancellation.CLIENT_GONE);
            cut();
        }

        @Override
        public void end() {
            loop.runOnContext(_ -> finish());
        }

        // ---- on any thread ----

        @Override
        public Cancellation cancellation() {
            return lifeline.cancellation();
        }

        @Override
        public void onCancel(Runnable action) {
            lifeline.onCancel(action);
        }

        void cancel(Cancellation why) {
            if (why == Cancellation.CLIENT_GONE) {
                outflow.stop();
            }
            lifeline.cancel(why);
            leaveIfOver();
        }

        private void leaveIfOver() {
            if (lifeline.isOver()) {
                open.remove(this);
                body.release();
            }
        }
    }
}
