package espalier.openai;

import espalier.api.RequestRejected;
import espalier.http.JsonObject;
import org.jspecify.annotations.Nullable;

/** How an answer is to be sent. */
record Delivery(String model, Mode mode, FinalUsage finalUsage, ChunkUsage chunkUsage) {

    enum Mode {
        WHOLE,
        STREAMED
    }

    /** Whether a stream ends with a chunk that has the usage of the whole request. */
    enum FinalUsage {
        SENT,
        LEFT_OUT
    }

    /** Whether every chunk has the usage so far. */
    enum ChunkUsage {
        SENT,
        LEFT_OUT
    }

    static Delivery read(JsonObject body) {
        String model = body.string("model");
        boolean streamed = body.isTrue("stream");
        @Nullable JsonObject options = body.object("stream_options");
        if (options != null && !streamed) {
            throw RequestRejected.invalid("stream_options", "stream_options is only allowed when stream is true");
        }
        boolean last = options != null && options.isTrue("include_usage");
        boolean each = options != null && options.isTrue("continuous_usage_stats");
        return new Delivery(
                model == null ? "default" : model,
                streamed ? Mode.STREAMED : Mode.WHOLE,
                last ? FinalUsage.SENT : FinalUsage.LEFT_OUT,
                each ? ChunkUsage.SENT : ChunkUsage.LEFT_OUT);
    }

    boolean isStreamed() {
        return mode == Mode.STREAMED;
    }
}
