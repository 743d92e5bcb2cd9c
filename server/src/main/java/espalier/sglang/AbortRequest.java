package espalier.sglang;

import espalier.http.Endpoint;
import espalier.http.Exchange;
import espalier.http.JsonObject;
import espalier.http.Reply;
import espalier.serving.JsonBody;
import espalier.serving.Service;

/** {@code POST /abort_request}: ends the requests whose {@code rid} begins with the given one, or all. */
public final class AbortRequest implements Endpoint {
    private final Service service;

    public AbortRequest(Service service) {
        this.service = service;
    }

    @Override
    public void serve(Exchange exchange) {
        JsonObject body = JsonBody.read(exchange);
        String rid = body.string("rid");
        if (body.isTrue("abort_all")) {
            service.abort("");
        } else if (rid == null || rid.isEmpty()) {
            throw JsonObject.malformed("rid is required, unless abort_all is true");
        } else {
            service.abort(rid);
        }
        exchange.reply(Reply.empty(200));
    }
}
