package espalier.bench.schedule;

import espalier.api.GenerateRequest;
import espalier.api.SamplingParams;
import espalier.base.Tokens;
import espalier.workload.ChatLengths;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/** Requests as conversations have them, of the lengths of the GPU's benchmarks. No two prompts begin alike. */
final class ChatRequests {
    private ChatRequests() {}

    /** The first {@code count}. */
    static List<GenerateRequest> of(int count) {
        var all = new ArrayList<GenerateRequest>();
        for (ChatLengths lengths : ChatLengths.first(count)) {
            all.add(request(all.size(), lengths));
        }
        return all;
    }

    private static GenerateRequest request(int id, ChatLengths lengths) {
        int[] ids = new int[lengths.prompt()];
        Arrays.setAll(ids, i -> i == 0 ? id : i);
        var sampling = SamplingParams.builder()
                .temperature(0)
                .ignoreEos(true)
                .maxNewTokens(lengths.answer())
                .build();
        return new GenerateRequest("r" + id, Tokens.of(ids), sampling);
    }
}
