package espalier.serving;

import espalier.http.Exchange;
import espalier.http.JsonObject;
import espalier.http.Reply;
import java.util.Locale;

/** The body of a JSON endpoint's request. */
public final class JsonBody {
    private JsonBody() {}

    /** Parses it; another or no media type, and what is not an object, are refused. */
    public static JsonObject read(Exchange exchange) {
        String type = exchange.incoming().header("content-type");
        String media = type == null ? "" : type.split(";", 2)[0].strip().toLowerCase(Locale.ROOT);
        if (!media.equals(Reply.JSON)) {
            throw JsonObject.malformed("Unsupported Media Type: only 'application/json' is allowed"
                    + (type == null ? ", the Content-Type header is missing" : ", got '" + type + "'"));
        }
        return JsonObject.parse(exchange.incoming().body());
    }
}
