package espalier.serving;

import espalier.api.RequestRejected;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;

/** The requests under way that nobody has cancelled, by the name that their owner or the server gave them. */
final class OpenRequests {
    private final Map<String, Run> byRid = new ConcurrentHashMap<>();

    /** Takes the name for {@code run}, or refuses it while another open request has it. */
    void add(String rid, Run run) {
        if (byRid.putIfAbsent(rid, run) != null) {
            throw RequestRejected.invalid("rid", "Duplicate request ID detected: " + rid + " is still running");
        }
    }

    void remove(String rid, Run run) {
        byRid.remove(rid, run);
    }

    /** Cancels every request whose name begins with {@code prefix}; the empty prefix cancels all. */
    void abort(String prefix) {
        byRid.forEach((rid, run) -> {
            if (rid.startsWith(prefix)) {
                run.cancel();
            }
        });
    }

    int size() {
        return byRid.size();
    }
}
