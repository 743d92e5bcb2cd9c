package espalier.serving;

import espalier.http.Exchange;
import espalier.http.JsonObject;
import espalier.http.Reply;
import java.util.Locale;

/** The body of a JSON endpoint's request. */
public final class JsonBody {
    private JsonBody() {}

    /** What {@code curl -d} says of its data, whatever they are. */
    private static final String FORM = "application/x-www-form-urlencoded";

    /**
     * Parses it; another media type, and what is not an object, are refused. No form begins with a brace, so what does is
     * taken for the JSON that it is, also where curl was told no media type or none was sent.
     */
    public static JsonObject read(Exchange exchange) {
        byte[] body = exchange.incoming().body();
        String type = exchange.incoming().header("content-type");
        String media = type == null ? "" : type.split(";", 2)[0].strip().toLowerCase(Locale.ROOT);
        boolean isNamed = media.equals(Reply.JSON);
        boolean isUnnamed = (media.isEmpty() || media.equals(FORM)) && (body.length == 0 || isObject(body));
        if (!isNamed && !isUnnamed) {
            throw JsonObject.malformed("Unsupported Media Type: only 'application/json' is allowed"
                    + (type == null ? ", the Content-Type header is missing" : ", got '" + type + "'"));
        }
        return JsonObject.parse(body);
    }

    private static boolean isObject(byte[] body) {
        int i = 0;
        while (i < body.length && (body[i] == ' ' || body[i] == '\n' || body[i] == '\r' || body[i] == '\t')) {
            i++;
        }
        return i < body.length && body[i] == '{';
    }
}
