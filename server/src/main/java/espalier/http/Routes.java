package espalier.http;

import java.lang.System.Logger.Level;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * Which endpoint answers what. A path that ends in {@code /*} also takes everything below it. Keys and preflights are
 * looked at first, before a body is read; health probes and metrics need no key.
 */
public final class Routes implements Endpoint {
    private static final System.Logger LOG = System.getLogger("espalier.http");

    private record Route(Set<String> methods, Access access, Endpoint endpoint) {}

    private final Map<String, List<Route>> exact = new HashMap<>();
    private final Map<String, List<Route>> below = new HashMap<>();
    private final ApiKeys keys;

    public Routes(ApiKeys keys) {
        this.keys = keys;
    }

    /** Adds an endpoint for {@code methods}, separated by commas. */
    public Routes on(String methods, String path, Access access, Endpoint endpoint) {
        var route = new Route(Set.of(methods.split(",")), access, endpoint);
        if (path.endsWith("/*")) {
            below.computeIfAbsent(path.substring(0, path.length() - 1), _ -> new ArrayList<>())
                    .add(route);
        } else {
            exact.computeIfAbsent(path, _ -> new ArrayList<>()).add(route);
        }
        return this;
    }

    @Override
    public @Nullable Reply atHead(Incoming in) {
        if (in.method().equals("OPTIONS")) {
            return preflight(in);
        }
        List<Route> routes = find(in.path());
        Route route = forMethod(routes, in.method());
        Access access = route == null ? Access.USER : route.access();
        if (!isOpen(in.path()) && !keys.allow(in, access)) {
            String message = "Unauthorized: send the server's key in the header 'Authorization: Bearer KEY'";
            return ErrorReply.to(in.path(), 401, message).with(Map.of("www-authenticate", "Bearer"));
        }
        if (route != null) {
            return null;
        }
        return routes.isEmpty()
                ? ErrorReply.to(in.path(), 404, "Not Found: there is no " + in.path())
                : methodNotAllowed(in, routes);
    }

    @Override
    public void serve(Exchange exchange) throws InterruptedException {
        Incoming in = exchange.incoming();
        Reply early = atHead(in);
        Route route = forMethod(find(in.path()), in.method());
        if (early != null || route == null) {
            exchange.reply(early == null ? ErrorReply.to(in.path(), 404, "Not Found") : early);
        } else {
            call(route.endpoint(), exchange);
        }
    }

    private static void call(Endpoint endpoint, Exchange exchange) throws InterruptedException {
        try {
            endpoint.serve(exchange);
        } catch (RuntimeException e) {
            if (exchange.isAnswered()) {
                throw e;
            }
            Reply reply = ErrorReply.to(exchange.incoming().path(), e);
            if (reply.status() == 500) {
                LOG.log(Level.ERROR, exchange.incoming().path() + " failed", e);
            }
            exchange.reply(reply);
        }
    }

    private List<Route> find(String path) {
        List<Route> routes = exact.getOrDefault(path, List.of());
        for (int slash = path.lastIndexOf('/'); routes.isEmpty() && slash >= 0; ) {
            routes = below.getOrDefault(path.substring(0, slash + 1), List.of());
            slash = path.lastIndexOf('/', slash - 1);
        }
        return routes;
    }

    private static @Nullable Route forMethod(List<Route> routes, String method) {
        return routes.stream()
                .filter(r -> r.methods().contains(method))
                .findFirst()
                .orElse(null);
    }

    private static boolean isOpen(String path) {
        return path.startsWith("/health") || path.startsWith("/metrics");
    }

    private static Reply methodNotAllowed(Incoming in, List<Route> routes) {
        var allowed = new LinkedHashSet<String>();
        routes.forEach(r -> r.methods().stream().sorted().forEach(allowed::add));
        String methods = String.join(", ", allowed);
        String message = "Method Not Allowed: " + in.path() + " takes " + methods + ", not " + in.method();
        return ErrorReply.to(in.path(), 405, message).with(Map.of("allow", methods));
    }

    /** Any page may call: the answer to a browser that asks first. */
    private static Reply preflight(Incoming in) {
        String headers = in.header("access-control-request-headers");
        return Reply.text(200, "OK")
                .with(Map.of(
                        "access-control-allow-methods",
                        "DELETE, GET, HEAD, OPTIONS, PATCH, POST, PUT",
                        "access-control-allow-headers",
                        headers == null ? "*" : headers,
                        "access-control-max-age",
                        "600"));
    }
}
